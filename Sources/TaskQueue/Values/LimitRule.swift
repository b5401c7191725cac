/// How many tasks of one key run at a time, and how fast they start. Declared in code, by a worker's configuration or ``LimitControl/declare(_:)``; changed live
/// by people, whose word counts until they reset it.
///
/// ```swift
/// configuration.limits = [
///   LimitRule("bank", concurrency: 10),                          // TaskLimit("bank")
///   LimitRule("customer", concurrency: 2),                       // TaskLimit("customer", key: "customer-7")
///   LimitRule("mail", rate: LimitRate(10, per: .seconds(1))),     // ten per second
///   LimitRule("account", order: .ordered(afterDeadLetter: .hold)),
/// ]
/// ```
public struct LimitRule: Hashable, Sendable {
  /// What happens to the tasks of a key behind a dead letter.
  public struct AfterDeadLetter: Hashable, Sendable {
    package let holds: Bool

    /// The next one runs.
    public static let goOn = AfterDeadLetter(holds: false)
    /// None runs until the dead letter is redriven (it then runs first) or purged. One that was cancelled holds nobody up.
    public static let hold = AfterDeadLetter(holds: true)
  }

  /// In which order the tasks of a key run.
  public struct Order: Hashable, Sendable {
    package let isOrdered: Bool
    package let holds: Bool

    package init(isOrdered: Bool, holds: Bool) {
      self.isOrdered = isOrdered
      self.holds = holds
    }

    /// By priority, then in the order of enqueue. A task that waits for a retry gives its place to the next one.
    public static let free = Order(isOrdered: false, holds: false)
    /// Strictly one after the other in the order of enqueue, whatever their priorities. The next one starts when the one before it has
    /// completed or is a dead letter: it waits over all retries. A task with a delay takes its place when it is due.
    public static func ordered(afterDeadLetter: AfterDeadLetter = .goOn) -> Order {
      Order(isOrdered: true, holds: afterDeadLetter.holds)
    }
  }

  public static let maxConcurrency = 1_000

  /// 1 to 64 UTF-8 bytes without slashes and control characters.
  public var name: String
  /// Tasks of one key that run at a time, 1 to 1,000; 1 if ordered.
  public var concurrency: Int
  /// How fast tasks of one key are admitted; nil: as fast as they can be. Not for an ordered rule: its handlers ask another one
  /// (``TaskContext/limit(_:key:weight:upTo:)``).
  public var rate: LimitRate?
  public var order: Order

  /// - Parameter concurrency: nil: 1, and 1,000 (the most) with a rate.
  public init(_ name: String, concurrency: Int? = nil, rate: LimitRate? = nil, order: Order = .free) {
    self.name = name
    self.concurrency = concurrency ?? (rate == nil ? 1 : Self.maxConcurrency)
    self.rate = rate
    self.order = order
  }

  /// - Throws: ``TaskQueueError`` with `invalidName` or `invalidOption`.
  public func validate() throws(TaskQueueError) {
    try TaskLimit.validate(name: name)
    try Self.validate(concurrency)
    try rate?.validate()
    guard !order.isOrdered || rate == nil else {
      throw .invalidOption(
        "The limit \(name) is ordered, so it has no rate. Its handler may ask one: context.limit(…)."
      )
    }
    guard !order.isOrdered || concurrency == 1 else {
      throw .invalidOption("The limit \(name) is ordered, so its concurrency is 1; got \(concurrency).")
    }
  }

  static func validate(_ concurrency: Int) throws(TaskQueueError) {
    guard 1...maxConcurrency ~= concurrency else {
      throw .invalidOption(
        "A limit's concurrency must be in 1 … \(maxConcurrency); got \(concurrency). To stop it, pause it."
      )
    }
  }
}

/// A limit as it is now.
public struct LimitStatus: Hashable, Sendable {
  /// As declared in code.
  public var rule: LimitRule
  /// What people have set; nil: nothing.
  public var operatorConcurrency: Int?
  /// What people have set; nil: nothing.
  public var operatorRate: LimitRate?
  /// Whether people have paused it: what runs goes on, nothing else starts.
  public var isPaused: Bool

  public init(
    rule: LimitRule,
    operatorConcurrency: Int? = nil,
    operatorRate: LimitRate? = nil,
    isPaused: Bool = false
  ) {
    self.rule = rule
    self.operatorConcurrency = operatorConcurrency
    self.operatorRate = operatorRate
    self.isPaused = isPaused
  }

  /// What holds now.
  public var concurrency: Int { isPaused ? 0 : operatorConcurrency ?? rule.concurrency }
  /// What holds now; nil: no rate.
  public var rate: LimitRate? { operatorRate ?? rule.rate }
}

/// What people change of a limit.
@_spi(Store) public enum LimitChange: Hashable, Sendable {
  case set(Int)
  case setRate(LimitRate)
  case pause
  case resume
  case reset
}
