import ArgumentParser
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "The queues, live.",
    discussion: """
      Two bounded looks a time, so it may run beside anything. q or Ctrl-C ends it. Without a terminal, or with --json, a sample follows the other: with --json \
      each on a line of its own.
      """
  )

  @OptionGroup var options: CommandOptions
  @Option(
    help: ArgumentHelp("Between two looks, at least 500ms.", valueName: "span"),
    transform: SpanArgument.read
  )
  var interval = SpanArgument(duration: .seconds(2))
  @Option(help: ArgumentHelp("Ends after so many looks.", valueName: "count")) var count: Int?

  func validate() throws {
    guard interval.duration >= .milliseconds(500) else { throw ValidationError("--interval is at least 500ms.") }
    if let count, count < 1 { throw ValidationError("--count is at least 1.") }
  }

  func run() async throws {
    let (interval, count) = (interval.duration, count)
    try await options.run { session in
      let screen = session.isJSON || !session.console.terminal.isOutput ? nil : Screen()
      defer { screen?.close() }
      _ = try await Interruption.watch {
        try await TopView(session: session, screen: screen, interval: interval).run(count: count)
      }
    }
  }
}

/// Frames of the overview.
struct TopView: Sendable {
  /// Of the line of minutes.
  private static let minutes = 30

  let session: Session
  let screen: Screen?
  let interval: Duration

  func run(count: Int?) async throws {
    var shown = 0
    while count.map({ shown < $0 }) ?? true {
      if shown > 0, try await pause() { return }
      do { try await look() } catch let error as TaskQueueError where shown > 0 && error.isRetrySafe {
        // The database is away, as in a failover: who watches wants to see it come back.
        tell(error)
      }
      shown += 1
    }
  }

  private func look() async throws {
    let overview = try await session.client.overview()
    let counts = try await session.client.throughput(of: .seconds(60 * Self.minutes))
    let recent = counts.filter { $0.minute > overview.at.addingTimeInterval(-60 * Double(Throughput.minutes)) }
    show(overview, Throughput(recent), history: Throughput(counts))
  }

  private func tell(_ error: TaskQueueError) {
    let text = ErrorText.of(error)
    guard let screen else { return session.console.note(text) }
    let width = Terminal.size()?.columns ?? 80
    let lines = DisplayWidth.wrapped(PlainText.line(text), to: width).map { session.console.style(.boldRed, $0) }
    screen.draw(lines + ["", session.console.style(.dim, "It is asked again; q ends this")])
  }

  /// - Returns: whether the person wants no more.
  private func pause() async throws -> Bool {
    guard let screen else {
      try await Task.sleep(for: interval)
      return false
    }
    let clock = ContinuousClock()
    let end = clock.now + interval
    while clock.now < end {
      if screen.hasQuit() { return true }
      try await clock.sleep(for: min(.milliseconds(100), clock.now.duration(to: end)))
    }
    return false
  }

  private func show(_ overview: QueueOverview, _ throughput: Throughput, history: Throughput) {
    if session.isJSON {
      return session.console.print(JSONValue.overview(overview, throughput).text(isPretty: false))
    }
    var console = session.console
    let size = screen == nil ? nil : Terminal.size()
    if let size { console.terminal.width = size.columns }
    var lines = head(overview, throughput, history, console) + [""]
    lines += StatusView(overview: overview, throughput: throughput).lines(console)
    guard let screen else {
      for line in lines { console.print(line) }
      return console.print()
    }
    if let size, lines.count > size.lines - 1 {
      lines = Array(lines.prefix(max(1, size.lines - 2))) + [console.style(.dim, "… make the window higher to see all")]
    }
    screen.draw(
      lines + (size.map { lines.count < $0.lines - 2 } ?? false ? ["", console.style(.dim, "q ends this")] : [])
    )
  }

  private func head(_ overview: QueueOverview, _ throughput: Throughput, _ history: Throughput, _ console: Console)
    -> [String]
  {
    let (done, failed) = (throughput.perMinute(nil, failed: false), throughput.perMinute(nil, failed: true))
    let rates = "\(Words.count(Int(done.rounded()))) done/min  \(Words.count(Int(failed.rounded()))) failed/min"
    let title =
      console.style(.bold, "taskqueue") + "  " + Words.instant(overview.at) + (overview.isStandby ? "  standby" : "")
      + "  " + rates
    let width = console.terminal.width ?? 80
    let minutes = Self.bars(history, at: overview.at, count: min(Self.minutes, max(0, width - 30)))
    return [title, console.style(.green, minutes) + console.style(.dim, "  done in the last \(minutes.count) minutes")]
  }

  /// One bar a minute, the highest full.
  static func bars(_ history: Throughput, at now: Date, count: Int) -> String {
    let marks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    var byMinute: [Int: Int] = [:]
    for entry in history.byMinute() {
      byMinute[Int(entry.minute.timeIntervalSince1970 / 60), default: 0] += entry.completed
    }
    let last = Int(now.timeIntervalSince1970 / 60)
    let values = (0..<count).map { place -> Int in byMinute[last - count + 1 + place] ?? 0 }
    let most = values.max() ?? 0
    let bars = values.map { value -> Character in
      value == 0 ? "·" : marks[min(marks.count - 1, value * marks.count / (most + 1))]
    }
    return String(bars)
  }
}
