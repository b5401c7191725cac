/// A flow did not do what it should, and how to see it again.
public struct FlowTestFailure: Error, Sendable, CustomStringConvertible {
  /// What is wrong.
  public let problem: String
  /// Where the attempt crashed, and how; nil: it is wrong without a crash, or ``seed`` says it.
  public let crash: String?
  /// How the events came.
  public let events: String
  /// Of a random run; nil: the run has no chance in it. `check(seed:)` repeats it.
  public let seed: UInt64?
  /// What each attempt called, in order.
  public let trace: [String]
  /// What the invariant threw, if that is the problem.
  public let underlying: (any Error)?

  private static var shownLines: Int { 80 }

  public var description: String {
    let replay = seed.map { "Replay: check(seed: \($0))\n" } ?? ""
    let omitted = trace.count > Self.shownLines ? ["… \(trace.count - Self.shownLines) lines before"] : []
    return """
      \(problem)
      Crash: \(crash ?? (seed == nil ? "none" : "at random"))
      Events: \(events)
      \(replay)\("    time  attempt  call")
      \((omitted + trace.suffix(Self.shownLines)).joined(separator: "\n"))
      """
  }
}

/// What a ``FlowTest`` has tried.
public struct FlowTestReport: Sendable {
  /// Whole lives of the flow.
  public internal(set) var runs = 0
  /// Where it can crash, in the order in which an undisturbed run comes there.
  public internal(set) var points: [String] = []
  /// The ways in which its events came.
  public internal(set) var events: [String] = []
}
