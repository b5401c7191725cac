import ArgumentParser
import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "What is done again and again.",
    subcommands: [
      List.self, Pause.self, Resume.self, Run.self, Backfill.self, Reset.self, UnknownVerb<ScheduleCommand>.self,
    ],
    defaultSubcommand: UnknownVerb<ScheduleCommand>.self
  )

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Schedules, with their rules in words and when they come next.",
      discussion: "CHANGED: people have changed it since a program declared it; taskqueue schedule reset goes back."
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup var page: PageOptions
    @Option(help: ArgumentHelp("Behind this name.", valueName: "name")) var after: String?

    func run() async throws {
      try await options.run { session in
        let schedules = try await session.client.schedules.list(after: after, limit: page.limit)
        let next = schedules.count == page.limit ? schedules.last?.name : nil
        if session.isJSON {
          session.console.print(["schedules": .array(schedules.map { .schedule($0) }), "next": .text(next)])
        }
        guard !schedules.isEmpty else { throw session.nothing("There are no schedules.") }
        if session.isJSON { return }
        var table = Table([
          .init("schedule", min: 8), .init("state"), .init("next", right: true), .init("last", right: true, rank: 1),
          .init("when", min: 16),
          .init("type", min: 8), .init("queue", min: 6, rank: 3), .init("changed", rank: 2), .init("problem", min: 12),
        ])
        for schedule in schedules {
          let isLate = schedule.nextSlot.map { $0 < session.now.addingTimeInterval(-60) } ?? false
          table.add([
            .init(schedule.name, .bold), .init(schedule.state, colour(schedule.state)),
            .init(
              isLate
                ? "late " + Words.age(schedule.nextSlot, at: session.now)
                : Words.age(schedule.nextSlot, at: session.now),
              isLate ? .boldRed : .plain
            ),
            .init(schedule.lastSlot.map { Words.age($0, at: session.now) + " ago" } ?? "-"), .init(schedule.words),
            .init(schedule.definition.type.rawValue), .init(schedule.definition.queue.rawValue),
            .init(schedule.isChanged ? "yes" : ""),
            .init(schedule.problem ?? "", .red),
          ])
        }
        session.console.print(table.withoutEmptyColumns(["changed", "problem"]))
        if let next { session.console.note("There may be more: --after \(QuotedText.shellWord(next))") }
      }
    }

    private func colour(_ state: String) -> Style.Colour {
      switch state {
      case "paused": .yellow
      case "broken": .boldRed
      default: .green
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pause",
      abstract: "It makes no more tasks; those that it made go on."
    )
    @OptionGroup var target: NamedActionOptions

    func run() async throws {
      try await target.run(.schedule, "paused") { try await $0.pauseSchedule($1) }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resume",
      abstract: "It goes on with the first slot from now.",
      discussion: "What came meanwhile is not made up for: taskqueue schedule backfill does that."
    )
    @OptionGroup var target: NamedActionOptions

    func run() async throws {
      try await target.run(.schedule, "active") { try await $0.resumeSchedule($1) }
    }
  }

  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reset",
      abstract: "Goes back to what programs declare; a paused one stays paused."
    )
    @OptionGroup var target: NamedActionOptions

    func run() async throws {
      try await target.run(.schedule, "as declared") { try await $0.resetSchedule($1) }
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run",
      abstract: "Make a task of it now, also of a paused one; its slots stay as they are."
    )
    @OptionGroup var options: CommandOptions
    @Argument(help: "The schedule's name.") var name: String
    @Flag(help: "Print the id alone.") var ids = false
    @OptionGroup var acting: ActingOptions

    func run() async throws {
      try await options.run(form: ids ? .ids : nil) { session in
        let result = try await acting(session).runSchedule(name)
        session.report([result])
      }
    }
  }

  struct Backfill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "backfill",
      abstract: "Make the tasks of a time of the past, as the rule is now.",
      discussion: """
        One task a slot, oldest first, at most 1,000. Called twice it makes none that is still there; but it does not know what had been made in its time and has \
        completed since.

          taskqueue schedule backfill nightly --from 2026-11-01 --to 2026-11-08
        """
    )
    @OptionGroup var options: CommandOptions
    @Argument(help: "The schedule's name.") var name: String
    @Option(
      help: ArgumentHelp("From this instant on, or so long ago.", valueName: "instant|age"),
      transform: InstantArgument.read
    )
    var from: InstantArgument
    @Option(
      help: ArgumentHelp("Until before this instant; now.", valueName: "instant|age"),
      transform: InstantArgument.read
    )
    var to: InstantArgument?
    @Flag(help: "Print ids alone, one a line.") var ids = false
    @OptionGroup var acting: ActingOptions
    @OptionGroup var confirmation: ConfirmationOptions

    func run() async throws {
      try await options.run(form: ids ? .ids : nil) { session in
        let (start, end) = (from.date, to?.date ?? session.now)
        guard start < end else { throw Refusal.usage("--from is not before --to.") }
        guard let schedule = try await session.client.schedules.get(name) else {
          throw Refusal.unknown("schedule", name)
        }
        guard let rule = try? schedule.definition.parsedRule() else {
          throw Refusal("The rule of \(name) cannot be read.")
        }
        let count = rule.slots(in: start..<end, limit: Limits.page + 1).count
        guard count > 0 else { throw session.nothing("The schedule has no slot in this time.") }
        let tasks = count > Limits.page ? "more than \(Words.count(Limits.page)) tasks" : Words.count(count, "task")
        try await confirmation.ask(
          "Make \(tasks) of \(name), from \(Words.instant(start)) to \(Words.instant(end))?",
          session.console
        )
        session.report(try await acting(session).backfillSchedule(name, start..<end))
      }
    }
  }
}

/// What is done to one schedule or limit, by its name.
struct NamedActionOptions: ParsableArguments {
  @OptionGroup var options: CommandOptions
  @Argument(help: "Its name.") var name: String
  @OptionGroup var acting: ActingOptions

  /// - Parameter state: as which it is reported then.
  func run(
    _ noun: Session.Noun,
    _ state: String,
    _ act: (TaskOperator<PostgresTaskStore>, String) async throws -> Void
  ) async throws {
    try await options.run { session in
      try await act(acting(session), name)
      session.report(noun, name, state)
    }
  }
}

extension Session {
  enum Noun: String {
    case schedule, limit
  }

  func report(_ noun: Noun, _ name: String, _ state: String) {
    if isJSON {
      console.print([noun.rawValue: .string(name), "state": .string(state)])
    } else {
      console.print("The \(noun.rawValue) \(console.style(.bold, PlainText.line(name))) is \(state).")
    }
  }

  func report(_ results: [EnqueueResult]) {
    switch console.form {
    case .json: console.print(["tasks": .array(results.map { .enqueued($0) })])
    case .ids: for result in results { console.print("\(result.id)") }
    case .text:
      let new = results.count(where: \.isNew)
      let range =
        results.count > 1
        ? " (\(results[0].id) … \(results[results.count - 1].id))" : results.first.map { " (\($0.id))" } ?? ""
      let old = results.count - new
      console.print(
        Words.count(new, "task") + " made" + range + (old > 0 ? "; \(Words.count(old)) were there already." : ".")
      )
    }
  }
}
