import ArgumentParser
import TaskQueue

/// The ids of tasks, or `-` for those that standard input has, one a line.
struct TaskIDsArgument: ParsableArguments {
  /// More would be a filter's affair.
  static let maxIDs = 100_000

  @Argument(
    help: ArgumentHelp("Ids of tasks; - reads them from standard input, as --ids prints them.", valueName: "id")
  )
  var ids: [String]

  func validate() throws {
    guard !ids.isEmpty else { throw ValidationError("Name a task's id, or - to read ids from standard input.") }
    try TaskIDArgument.check(ids)
  }

  /// Each once, in their order.
  func read() throws -> [TaskID] {
    var seen: Set<TaskID> = []
    var all: [TaskID] = []
    func add(_ text: some StringProtocol) throws {
      guard let number = Int64(String(text)) else { throw Refusal.usage("'\(text)' is no task's id.") }
      let id = TaskID(number)
      guard seen.insert(id).inserted else { return }
      guard all.count < Self.maxIDs else { throw Refusal.usage("At most \(Self.maxIDs) tasks at a time.") }
      all.append(id)
    }
    for text in ids {
      guard text == "-" else {
        try add(text)
        continue
      }
      while let line = readLine() {
        for word in line.split(whereSeparator: \.isWhitespace) { try add(word) }
      }
    }
    return all
  }
}

/// The id of one task.
struct TaskIDArgument: ParsableArguments {
  @Argument(help: "The task's id.", transform: TaskIDArgument.read)
  var id: Int64

  var task: TaskID { TaskID(id) }

  static func read(_ text: String) throws -> Int64 {
    guard let id = Int64(text) else { throw ValidationError("a task's id is a number; taskqueue list has them.") }
    return id
  }

  /// Of several; - stands for standard input.
  static func check(_ texts: [String]) throws {
    guard let text = texts.first(where: { $0 != "-" && Int64($0) == nil }) else { return }
    throw ValidationError("'\(text)' is no task's id, which is a number; taskqueue list has them.")
  }
}

/// The state of tasks.
enum StateArgument: String, CaseIterable, ExpressibleByArgument, Sendable {
  case waiting, due, limited, running, finished, dead, done

  var state: TaskState { TaskState(rawValue: rawValue) }
}
