/// What a ``FlowTest`` tries, and what it takes for right.
public struct FlowTestOptions: Sendable {
  /// What is checked besides the test's own invariant.
  public struct Checks: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// No action (``FlowTestRun/act(_:key:)-(_,String?)``) is carried out twice.
    public static let repeatedActions = Checks(rawValue: 1 << 0)
    /// No action is carried out by code that was told to leave the handler.
    public static let actionsAfterSuspension = Checks(rawValue: 1 << 1)
    /// The attempt that completes the flow comes to every step that was recorded before it. Leave it out where child tasks race and the loser may have
    /// been recorded.
    public static let unreachedSteps = Checks(rawValue: 1 << 2)

    public static let all: Checks = [.repeatedActions, .actionsAfterSuspension, .unreachedSteps]
  }

  /// How the flow ends without crashes while its events come in time.
  public var ending = FlowEnding.completed
  /// How it may end instead, if it crashes. An effect without `reconcile`, for example, ends as `deadLetter(.discarded)` when its call was cut off.
  public var alternatives: Set<FlowEnding> = []
  /// Whether the task is also cancelled at each await. The invariant is told how the flow ended.
  public var cancels = false
  public var checks = Checks.all
  /// How many runs crash at random, 0 to 1,000,000.
  public var randomRuns = 100
  /// Of the first random run; the next ones count up.
  public var seed: UInt64 = 1
  /// How long a claim holds its task; so much time passes before a task is taken over.
  public var lease: Duration = .seconds(60)
  /// Attempts of one run at most, of all tasks.
  public var maxAttempts = 500
  /// How much virtual time one run may take.
  public var within: Duration = .seconds(400 * 86_400)

  public init(
    ending: FlowEnding = .completed,
    alternatives: Set<FlowEnding> = [],
    cancels: Bool = false,
    checks: Checks = .all,
    randomRuns: Int = 100
  ) {
    self.ending = ending
    self.alternatives = alternatives
    self.cancels = cancels
    self.checks = checks
    self.randomRuns = randomRuns
  }
}
