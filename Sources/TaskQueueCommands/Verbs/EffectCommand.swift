import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct EffectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "effect",
    abstract: "Calls to other systems of which nobody knows whether they happened.",
    subcommands: [List.self, Resolve.self, UnknownVerb<EffectCommand>.self],
    defaultSubcommand: UnknownVerb<EffectCommand>.self
  )

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Effects without a known outcome, and contradicted ones; oldest first.",
      discussion:
        "Look each KEY up in the other system's books: it was sent along with the call. Then say what happened: taskqueue effect resolve."
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup var page: PageOptions
    @Option(
      help: ArgumentHelp("Only those begun so long ago or longer.", valueName: "age"),
      transform: SpanArgument.read
    )
    var olderThan: SpanArgument?
    @Flag(help: "Print the tasks' ids alone, one a line.") var ids = false

    func run() async throws {
      try await options.run(form: ids ? .ids : nil) { session in
        let effects = try await session.client.unsettledEffects(
          olderThan: olderThan?.duration ?? .zero,
          limit: page.limit
        )
        switch session.console.form {
        case .json: session.console.print(["effects": .array(effects.map { .effect($0, withValue: false) })])
        case .ids: for effect in effects { session.console.print("\(effect.task)") }
        case .text where !effects.isEmpty: session.console.print(EffectTable.of(effects, withTask: true))
        case .text: break
        }
        guard !effects.isEmpty else { throw session.nothing("Every effect has a known outcome.") }
      }
    }
  }

  struct Resolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resolve",
      abstract: "Say what became of an effect.",
      discussion: """
        Refused while a worker holds the task; and --did-not-happen also while the call may still reach the other system. Then retry the task: it goes on with \
        what you said. Be sure: a call that is said not to have happened is made again.
        """
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup var argument: TaskIDArgument
    @Argument(help: "The effect's name.") var name: String
    @Option(
      help: ArgumentHelp(
        "It happened: what the call would have returned, as JSON; null for nothing.",
        valueName: "json"
      )
    )
    var succeeded: String?
    @Option(help: ArgumentHelp("It did not happen, and is not to be tried again: why.", valueName: "reason"))
    var failed: String?
    @Flag(help: "It did not happen: the next attempt may make the call again.") var didNotHappen = false
    @OptionGroup var acting: ActingOptions
    @OptionGroup var confirmation: ConfirmationOptions

    func validate() throws {
      guard [succeeded != nil, failed != nil, didNotHappen].count(where: \.self) == 1 else {
        throw ValidationError("Say what happened: --succeeded JSON, --failed REASON, or --did-not-happen.")
      }
    }

    func run() async throws {
      try await options.run { session in
        let resolution: EffectResolution =
          if let succeeded { .succeeded(try JSONInput.read(succeeded)) } else if let failed {
            .failed(reason: failed)
          } else { .didNotHappen }
        let word = succeeded != nil ? "succeeded" : failed != nil ? "failed" : "not happened"
        try await confirmation.ask("Say that \(name) of task \(argument.task) has \(word)?", session.console)
        let result = try await acting(session).resolveEffect(EffectName(name), of: argument.task, as: resolution)
        if session.isJSON {
          session.console.print(["task": .id(argument.id), "name": .string(name), "result": .string(result.rawValue)])
        } else {
          session.console.print(words(result))
        }
        if result != .resolved { throw ExitCode(ExitStatus.nothing) }
      }
    }

    private func words(_ result: EffectResolutionResult) -> String {
      switch result {
      case .resolved: "It is written down. To go on: taskqueue retry \(argument.task)"
      case .settled: "Its outcome was known already; nothing was changed."
      case .running:
        "A worker holds the task, or the call may still reach the other system; nothing was changed. Try again later."
      case .unknown:
        "Task \(argument.task) has no such effect. Those that there are: taskqueue show \(argument.task)"
      default: result.rawValue
      }
    }
  }
}

/// Effects as a table.
enum EffectTable {
  static func of(_ effects: [EffectRecord], withTask: Bool) -> Table {
    var columns: [Table.Column] = withTask ? [.init("task", right: true), .init("type", min: 10, rank: 2)] : []
    columns += [
      .init("effect", min: 8), .init("state"), .init("calls", right: true, rank: 1), .init("age", right: true),
      // Whole: it is looked up in other systems' books.
      .init("key"),
      .init("reason", min: 10),
    ]
    var table = Table(columns)
    for effect in effects {
      var cells: [Table.Cell] = withTask ? [.init("\(effect.task)", .bold), .init(effect.taskType.rawValue)] : []
      let state = effect.state.rawValue + (effect.isContradicted ? ", contradicted" : "")
      cells += [
        .init(effect.name.rawValue), .init(state, colour(effect)), .init("\(effect.calls)"),
        .init(Words.span(max(0, effect.age / .seconds(1)))), .init(effect.key.rawValue),
        .init([effect.code, effect.reason].compactMap(\.self).joined(separator: ": ")),
      ]
      table.add(cells)
    }
    return table.withoutEmptyColumns(["reason"])
  }

  private static func colour(_ effect: EffectRecord) -> Style.Colour {
    if effect.isContradicted { return .boldRed }
    switch effect.state {
    case .succeeded: return .green
    case .failed: return .red
    case .open: return .plain
    default: return .yellow
    }
  }
}
