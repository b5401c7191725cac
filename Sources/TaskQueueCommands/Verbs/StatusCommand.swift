import ArgumentParser
import TaskQueue

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "All queues at a glance.",
    discussion: """
      Counts end at 1,000 and say so (1,000+), so this is as fast with millions of tasks as with ten. OLDEST is how long the first due task has waited: the \
      number to watch. DONE/MIN and FAIL/MIN are attempts of the last 5 minutes, as workers report them every 10 s.
      """
  )

  @OptionGroup var options: CommandOptions

  func run() async throws {
    try await options.run { session in
      let overview = try await session.client.overview()
      let throughput = try await session.throughput()
      if session.isJSON { return session.console.print(.overview(overview, throughput)) }
      StatusView(overview: overview, throughput: throughput).print(to: session.console)
    }
  }
}

extension Session {
  func throughput() async throws -> Throughput {
    Throughput(try await client.throughput(of: .seconds(60 * Throughput.minutes)))
  }
}

/// The overview as text.
struct StatusView: Sendable {
  let overview: QueueOverview
  let throughput: Throughput

  func print(to console: Console) {
    for line in lines(console) { console.print(line) }
  }

  func lines(_ console: Console) -> [String] {
    guard !overview.queues.isEmpty else {
      return ["There are no tasks, no workers and no paused queues."] + remarks(console)
    }
    var table = Table([
      .init("queue", min: 8), .init("due", right: true), .init("running", right: true),
      .init("waiting", right: true, rank: 4),
      .init("limited", right: true, rank: 2), .init("dead", right: true), .init("oldest", right: true),
      .init("workers", right: true, rank: 3),
      // Together, or not at all: one without the other misleads.
      .init("done/min", right: true, rank: 1), .init("fail/min", right: true, rank: 1), .init("state"),
    ])
    for queue in overview.queues { table.add(cells(queue)) }
    return table.withoutEmptyColumns(["waiting", "limited", "dead", "fail/min"]).lines(
      width: console.terminal.width,
      style: console.style
    ) + remarks(console)
  }

  private func cells(_ queue: QueueSummary) -> [Table.Cell] {
    func count(_ count: BoundedCount, _ colour: Style.Colour = .plain) -> Table.Cell {
      Table.Cell(count.value == 0 ? "" : count.words, colour)
    }
    let done = throughput.perMinute(queue.queue, failed: false)
    let failed = throughput.perMinute(queue.queue, failed: true)
    let isStuck = queue.workers == 0 && queue.due.value + queue.limited.value > 0 && queue.pausedSince == nil
    let state: Table.Cell =
      queue.pausedSince.map { .init("paused \(Words.age($0, at: overview.at))", .yellow) }
      ?? (isStuck ? .init("no worker", .boldRed) : .init("open", .dim))
    return [
      .init(queue.queue.rawValue, .bold), count(queue.due, .cyan), count(queue.running, .green), count(queue.waiting),
      count(queue.limited, .yellow),
      count(queue.dead, .red), .init(Words.age(queue.oldestDueAt, at: overview.at)),
      .init("\(queue.workers)", isStuck ? .boldRed : .plain),
      .init(done > 0 ? number(done) : ""),
      .init(failed > 0 ? number(failed) : "", .yellow), state,
    ]
  }

  private func number(_ value: Double) -> String {
    value >= 10 || value == value.rounded() ? Words.count(Int(value.rounded())) : "\(value)"
  }

  private func remarks(_ console: Console) -> [String] {
    var remarks: [String] = []
    if overview.unsettledEffects.value > 0 {
      let since = overview.oldestUnsettledAt.map { ", the oldest of \(Words.age($0, at: overview.at))" } ?? ""
      let words = "\(overview.unsettledEffects.words) effects without a known outcome\(since)"
      remarks.append(console.style(.boldRed, words) + ": taskqueue effect list")
    }
    if overview.isStandby { remarks.append(console.style(.yellow, "Read from a hot standby, which may lag behind.")) }
    return remarks.isEmpty ? [] : [""] + remarks
  }
}

extension BoundedCount {
  /// `1,000+`.
  var words: String { Words.count(value) + (isMore ? "+" : "") }
}
