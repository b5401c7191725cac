import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct LimitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit",
    abstract: "How many tasks of a key run at a time, and how fast they start.",
    subcommands: [List.self, Set.self, Pause.self, Resume.self, Reset.self, UnknownVerb<LimitCommand>.self],
    defaultSubcommand: UnknownVerb<LimitCommand>.self
  )

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "All limits; or the keys of one, with who has slots and how many wait.",
      discussion: "SET: what people have set, which counts more than what programs declare until taskqueue limit reset."
    )
    @OptionGroup var options: CommandOptions
    @Argument(help: "A limit, for its keys.") var name: String?
    @OptionGroup var page: PageOptions
    @Option(help: ArgumentHelp("Behind this key.", valueName: "key")) var after: String?

    func run() async throws {
      try await options.run { session in
        if let name { try await lines(name, session) } else { try await all(session) }
      }
    }

    private func all(_ session: Session) async throws {
      let limits = try await session.client.limits.list()
      if session.isJSON { session.console.print(["limits": .array(limits.map { .limit($0) })]) }
      guard !limits.isEmpty else { throw session.nothing("There are no limits.") }
      if !session.isJSON { session.console.print(table(limits)) }
    }

    private func table(_ limits: [LimitStatus]) -> Table {
      var table = Table([
        .init("limit", min: 8), .init("state"), .init("at a time", right: true), .init("rate", right: true),
        .init("order"), .init("set", rank: 1),
        .init("declared", min: 10, rank: 2),
      ])
      for limit in limits {
        let isSet = limit.operatorConcurrency != nil || limit.operatorRate != nil
        table.add([
          .init(limit.rule.name, .bold), .init(limit.isPaused ? "paused" : "open", limit.isPaused ? .yellow : .green),
          .init("\(limit.concurrency)"),
          .init(limit.rate.map { $0.words } ?? "-"), .init(limit.rule.order == .free ? "free" : "one after the other"),
          .init(isSet ? "by people" : "", .yellow),
          .init(isSet ? "\(limit.rule.concurrency)" + (limit.rule.rate.map { ", \($0.words)" } ?? "") : ""),
        ])
      }
      return table.withoutEmptyColumns(["set", "declared"])
    }

    private func lines(_ name: String, _ session: Session) async throws {
      let lines = try await session.client.limitLines(of: name, after: after, limit: page.limit)
      if lines.isEmpty { return try await idle(name, session) }
      let next = lines.count == page.limit ? lines.last?.limit.key : nil
      if session.isJSON {
        return session.console.print([
          "name": .string(name), "lines": .array(lines.map { .line($0) }), "next": .text(next),
        ])
      }
      var table = Table([
        .init("key", min: 8), .init("taken", right: true), .init("waiting", right: true), .init("paused", right: true),
        .init("held by", right: true),
      ])
      for line in lines {
        table.add([
          .init(line.limit.key.isEmpty ? "(none)" : line.limit.key, .bold), .init(line.taken.words),
          .init(line.waiting.words, line.waiting.value > 0 ? .yellow : .plain),
          .init(line.pausedUntil.map { Words.age($0, at: session.now) } ?? "", .yellow),
          .init(line.heldBy.map { "\($0)" } ?? "", .red),
        ])
      }
      session.console.print(table.withoutEmptyColumns(["paused", "held by"]))
      if let next { session.console.note("There may be more: --after \(QuotedText.shellWord(next))") }
    }

    /// Of a limit without a key that has something: the limit itself.
    private func idle(_ name: String, _ session: Session) async throws {
      guard let limit = try await session.client.limits.list().first(where: { $0.rule.name == name }) else {
        throw Refusal.unknown("limit", name)
      }
      if session.isJSON { return session.console.print(["name": .string(name), "lines": [], "next": .null]) }
      session.console.print(table([limit]))
      session.console.note(
        after == nil ? "No task of it runs or waits for it, and no key is paused." : "There is no key behind this one."
      )
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Set how many run at a time, or how fast they start, for every key.",
      discussion: """
        Holds until taskqueue limit reset, whatever programs declare. Lowered: what runs goes on, and no more start until fewer run.

          taskqueue limit set bank --concurrency 3
          taskqueue limit set mail --rate 10/s --burst 20
        """
    )
    @OptionGroup var target: NamedActionOptions
    @Option(help: ArgumentHelp("Tasks of a key that run at a time, 1 to 1,000. To stop it: pause.", valueName: "count"))
    var concurrency: Int?
    @Option(help: ArgumentHelp("Tasks of a key that start: 10/s, 600/m, 1000/h, 5/10s.", valueName: "count/span"))
    var rate: RateArgument?
    @Option(help: ArgumentHelp("How many may start at once after a pause of as many; with --rate.", valueName: "count"))
    var burst: Int?

    func validate() throws {
      guard concurrency != nil || rate != nil else {
        throw ValidationError("Say what to set: --concurrency or --rate.")
      }
      guard burst == nil || rate != nil else { throw ValidationError("--burst goes with --rate.") }
    }

    func run() async throws {
      try await target.run(.limit, "set") { actor, name in
        if let concurrency { try await actor.setLimit(name, concurrency: concurrency) }
        if let rate { try await actor.setLimit(name, rate: LimitRate(rate.count, per: rate.period, burst: burst ?? 1)) }
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pause",
      abstract: "Start no task of it any more, or of one key for a time.",
      discussion:
        "Without --for until taskqueue limit resume. With --for, the key's pause ends by itself; --key '' is the limit without keys."
    )
    @OptionGroup var target: NamedActionOptions
    @Option(
      help: ArgumentHelp("For so long, at most a day.", valueName: "span"),
      transform: SpanArgument.read
    )
    var `for`: SpanArgument?
    @Option(help: "This key of it; with --for.") var key: String?

    func validate() throws {
      guard key == nil || `for` != nil else { throw ValidationError("A key is paused for a time: add --for.") }
    }

    func run() async throws {
      try await target.run(.limit, "paused") { actor, name in
        if let span = `for` {
          try await actor.pauseLimit(name, key: key ?? "", for: span.duration)
        } else {
          try await actor.pauseLimit(name)
        }
      }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resume",
      abstract: "End a pause that has no end of its own."
    )
    @OptionGroup var target: NamedActionOptions

    func run() async throws {
      try await target.run(.limit, "open") { try await $0.resumeLimit($1) }
    }
  }

  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reset",
      abstract: "Take back what people have set, pauses too: what programs declare holds again."
    )
    @OptionGroup var target: NamedActionOptions

    func run() async throws {
      try await target.run(.limit, "as declared") { try await $0.resetLimit($1) }
    }
  }
}

/// So many per span: `10/s`, `5/10s`.
struct RateArgument: ExpressibleByArgument, Sendable {
  var count: Int
  var period: Duration

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Int(parts[0]) else { return nil }
    let span = parts[1].first.map { $0.isNumber } == true ? String(parts[1]) : "1\(parts[1])"
    guard let period = SpanArgument(argument: span)?.duration else { return nil }
    self.count = count
    self.period = period
  }
}

extension LimitRate {
  /// `10/s`, `5/10 s`.
  var words: String {
    let seconds = period / .seconds(1)
    let span = seconds == 1 ? "s" : seconds == 60 ? "min" : seconds == 3_600 ? "h" : Words.span(seconds)
    return "\(Words.count(count))/\(span)" + (burst > 1 ? ", burst \(Words.count(burst))" : "")
  }
}
