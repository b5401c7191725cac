import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct RetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Run tasks again as soon as possible, dead letters too.",
    discussion: """
      A dead letter comes back under its id, with fresh counters and without its deadline; its error history stays. A waiting task becomes due. One that runs is \
      left alone. For many dead letters by type and age: taskqueue dead retry.
      """
  )

  @OptionGroup var action: TaskActionOptions

  func run() async throws {
    try await action.run("Retry") { actor, id in
      let result = try await actor.retry(id)
      return (result.rawValue, [.due, .redriven].contains(result))
    }
  }
}

struct RunNowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run-now",
    abstract: "Make waiting tasks due at once.",
    discussion:
      "Delays and waits for the next attempt end; limits and paused queues hold all the same. A task that a worker holds, or that is not live, is left alone."
  )

  @OptionGroup var action: TaskActionOptions

  func run() async throws {
    try await action.run("Run") { actor, id in try await actor.runNow(id) ? ("due", true) : ("left_alone", false) }
  }
}

struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Cancel tasks: waiting ones at once, running ones by asking their handlers.",
    discussion:
      "A cancelled task is a dead letter with the reason cancelled: taskqueue retry brings it back. One that has ended is left alone."
  )

  @OptionGroup var action: TaskActionOptions

  func run() async throws {
    try await action.run("Cancel") { actor, id in
      let result = try await actor.cancel(id)
      return (result.rawValue, result != .alreadyFinished)
    }
  }
}

/// One action upon each of some tasks. More than one is asked about.
struct TaskActionOptions: ParsableArguments {
  typealias Act = (TaskOperator<PostgresTaskStore>, TaskID) async throws -> (result: String, isDone: Bool)

  @OptionGroup var options: CommandOptions
  @OptionGroup var tasks: TaskIDsArgument
  @OptionGroup var acting: ActingOptions
  @OptionGroup var confirmation: ConfirmationOptions

  /// - Parameter act: returns what became of it, in a word, and whether it was done.
  func run(_ verb: String, _ act: Act) async throws {
    try await options.run { session in try await run(verb, try tasks.read(), session, act) }
  }

  private func run(_ verb: String, _ ids: [TaskID], _ session: Session, _ act: Act) async throws {
    guard !ids.isEmpty else { throw session.nothing("No task.") }
    if ids.count > 1 { try await confirmation.ask("\(verb) \(Words.count(ids.count, "task"))?", session.console) }
    let actor = acting(session)
    var results: [(id: TaskID, result: String, isDone: Bool)] = []
    defer { report(results, session) }
    for (index, id) in ids.enumerated() {
      do {
        let (result, isDone) = try await act(actor, id)
        results.append((id, result, isDone))
      } catch let error as TaskQueueError where error.code == .unknownTask {
        results.append((id, "unknown", false))
      }
      if ids.count > 20 { session.console.progress("\(Words.count(index + 1)) of \(Words.count(ids.count)) …") }
    }
    session.console.endProgress()
    guard results.allSatisfy(\.isDone) else { throw ExitCode(ExitStatus.nothing) }
  }

  private func report(_ results: [(id: TaskID, result: String, isDone: Bool)], _ session: Session) {
    if session.isJSON {
      return session.console.print([
        "results": .array(
          results.map { ["id": .id($0.id.rawValue), "result": .string($0.result), "isDone": .bool($0.isDone)] }
        )
      ])
    }
    guard results.count > 1 else {
      for (id, result, isDone) in results {
        session.console.print("Task \(id): " + session.console.style(isDone ? .green : .yellow, words(result)))
      }
      return
    }
    var table = Table([.init("id", right: true), .init("result")])
    for (id, result, isDone) in results {
      table.add([.init("\(id)", .bold), .init(words(result), isDone ? .green : .yellow)])
    }
    session.console.print(table)
  }

  private func words(_ result: String) -> String {
    switch result {
    case "requested": "asked to stop"
    case "already_finished": "has ended already"
    case "left_alone": "left alone: it is not waiting"
    case "key_taken": "left alone: a live task has its unique key"
    case "running": "left alone: a worker holds it"
    case "finished": "has ended, nothing to run again"
    case "redriven": "live again, due now"
    case "due": "due now"
    case "unknown": "there never was such a task"
    default: result
    }
  }
}
