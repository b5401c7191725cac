import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct WhyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Why a task does not run, or that it does.",
    discussion:
      "Every id has an answer, also one that was never given out. The first sentence counts most; the others hold besides. What may be done about it stands below."
  )

  @OptionGroup var options: CommandOptions
  @OptionGroup var argument: TaskIDArgument

  func run() async throws {
    try await options.run { session in
      let explanation = try await session.client.explain(argument.task)
      let isDead = if case .dead = explanation.cause { true } else { false }
      let commands = explanation.commands(isDead ? try await session.client.effects(of: argument.task) : [])
      let isUnknown = explanation.cause.name == "unknown"
      if session.isJSON {
        session.console.print([
          "id": .id(argument.id), "causes": .explanation(explanation),
          "commands": .array(commands.map { .string($0) }),
        ])
      } else {
        for (index, sentence) in explanation.sentences.enumerated() {
          session.console.paragraph(sentence, index == 0 ? .bold : .plain)
        }
        if !commands.isEmpty { session.console.print() }
        for command in commands { session.console.print("  " + session.console.style(.cyan, PlainText.line(command))) }
      }
      if isUnknown { throw ExitCode(ExitStatus.nothing) }
    }
  }
}

extension TaskExplanation {
  /// What a person may do about it. A call whose outcome nobody knows comes first: to run the task again does not tell.
  ///
  /// - Parameter effects: those of the task.
  func commands(_ effects: [EffectRecord]) -> [String] {
    let commands = causes.flatMap { $0.commands(for: id) }
    guard case .dead = cause else { return commands }
    let resolving = effects.filter { [.unknown, .parked].contains($0.state) }.map {
      "taskqueue effect resolve \($0.task) \(QuotedText.shellWord($0.name.rawValue))   # and what happened: look its key up"
    }
    return resolving.isEmpty ? commands : ["taskqueue show \(id)"] + resolving
  }
}

extension TaskExplanation.Cause {
  /// What a person may do about it.
  func commands(for task: TaskID) -> [String] {
    switch self {
    case .dead: ["taskqueue show \(task)", "taskqueue retry \(task)"]
    case .running: ["taskqueue cancel \(task)"]
    case .delayed, .retrying: ["taskqueue run-now \(task)"]
    case .sleeping: ["taskqueue flow show \(task)"]
    case .event(let key, _):
      ["taskqueue flow show \(task)", "taskqueue emit \(QuotedText.shellWord(key)) --payload JSON"]
    case .turn: ["taskqueue flow show \(task)"]
    case .queuePaused(let queue, _): ["taskqueue resume \(QuotedText.shellWord(queue.rawValue))"]
    case .noWorker, .noWorkerForType: ["taskqueue workers"]
    case .behind: ["taskqueue status"]
    case .limitPaused(let limit): ["taskqueue limit resume \(QuotedText.shellWord(limit.name))"]
    case .limitHeld(_, let letter): ["taskqueue show \(letter)", "taskqueue retry \(letter)"]
    case .limitWaits(_, let other, _): ["taskqueue why \(other)", "taskqueue run-now \(other)"]
    case .limited(let limit, _, _, _, _, _): ["taskqueue limit list \(QuotedText.shellWord(limit.name))"]
    default: []
    }
  }
}
