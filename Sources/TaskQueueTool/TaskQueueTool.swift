import ArgumentParser
import TaskQueueCommands

/// `taskqueue`.
@main
struct TaskQueueTool {
  static func main() async { await TaskQueueCommand.main() }
}
