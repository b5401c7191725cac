import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Stop all workers from taking tasks of queues.",
    discussion: "What runs goes on, what is enqueued is kept. Schedules and limits have pauses of their own."
  )

  @OptionGroup var queues: QueueActionOptions

  func run() async throws {
    try await queues.run("paused") { try await $0.pause($1) }
  }
}

struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Let workers take tasks of paused queues again."
  )

  @OptionGroup var queues: QueueActionOptions

  func run() async throws {
    try await queues.run("open") { try await $0.resume($1) }
  }
}

/// What is done to some queues, by their names.
struct QueueActionOptions: ParsableArguments {
  @OptionGroup var options: CommandOptions
  @Argument(help: ArgumentHelp("Names of queues.", valueName: "queue")) var names: [String]
  @OptionGroup var acting: ActingOptions

  /// - Parameter state: as which they are reported then.
  func run(
    _ state: String,
    _ act: (TaskOperator<PostgresTaskStore>, QueueName) async throws -> Void
  ) async throws {
    try await options.run { session in
      let actor = acting(session)
      for name in names { try await act(actor, QueueName(name)) }
      report(state, to: session)
      await wonder(session)
    }
  }

  private func report(_ state: String, to session: Session) {
    if session.isJSON {
      return session.console.print(["queues": .array(names.map { ["queue": .string($0), "state": .string(state)] })])
    }
    for name in names {
      session.console.print("The queue \(session.console.style(.bold, PlainText.line(name))) is \(state).")
    }
  }

  /// A queue may be paused ahead; a name that nothing has may be a mistake. It is done in any case, so a look that fails says nothing.
  private func wonder(_ session: Session) async {
    guard let overview = try? await session.client.overview(), overview.queues.count < Limits.page else { return }
    for name in names where !overview.queues.contains(where: { $0.queue.rawValue == name && $0.isInUse }) {
      session.console.note(
        "No task and no worker of the queue \(name) has been seen. Those that there are: taskqueue status"
      )
    }
  }
}

extension QueueSummary {
  /// Whether it has a task or a worker now.
  fileprivate var isInUse: Bool {
    workers > 0 || [due, limited, running, waiting, dead].contains { $0.value > 0 }
  }
}

struct EmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emit",
    abstract: "Tell flows of an event that they wait for, or will.",
    discussion:
      "The first event with a key counts, until its retention is over; it is handed to flows that wait for it, and to those that come to wait."
  )

  @OptionGroup var options: CommandOptions
  @Argument(help: "The event's key, such as paid/7.") var key: String
  @Option(help: ArgumentHelp("JSON; @FILE reads a file, - standard input.", valueName: "json")) var payload = "null"
  @Option(
    help: ArgumentHelp("How long it is there for flows that come to wait; 7 days.", valueName: "span"),
    transform: SpanArgument.read
  )
  var retention: SpanArgument?
  @OptionGroup var acting: ActingOptions

  func run() async throws {
    try await options.run { session in
      let event = try FlowEvent(
        key,
        json: try JSONInput.read(payload),
        retention: retention?.duration ?? .seconds(7 * 86_400)
      )
      let counts = try await acting(session).emit(event)
      if session.isJSON {
        session.console.print(["key": .string(key), "counts": .bool(counts)])
      } else {
        session.console.print(
          counts ? "The event is stored." : "There was an event with this key already; this one counts for nothing."
        )
      }
      if !counts { throw ExitCode(ExitStatus.nothing) }
    }
  }
}
