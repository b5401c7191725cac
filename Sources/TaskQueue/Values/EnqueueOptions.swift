#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Everything about one enqueue but its payload. What is nil is as the payload's type says (``TaskDefaults``).
public struct EnqueueOptions: Sendable {
  /// When a task becomes due.
  public struct Schedule: Hashable, Sendable {
    package enum Rule: Hashable, Sendable {
      case now
      case after(Duration)
      case at(Date)
    }

    package let rule: Rule

    /// At once (when the enqueuing transaction commits).
    public static let now = Schedule(rule: .now)

    /// After a delay by the store's clock. Negative means now.
    public static func after(_ delay: Duration) -> Schedule { Schedule(rule: .after(delay)) }

    /// At an instant, by the store's clock. In the past means now. An instant computed from this machine's clock is as wrong as that
    /// clock: prefer ``after(_:)`` for delays.
    public static func at(_ instant: Date) -> Schedule { Schedule(rule: .at(instant)) }
  }

  /// Where it waits. A worker takes it only if it serves this queue. nil: as the type says.
  public var queue: QueueName?
  /// Lower runs first. Any 16-bit value. nil: as the type says.
  public var priority: Int?
  public var schedule: Schedule = .now
  /// At most one live task per queue and key. nil: as the type says.
  public var unique: UniqueKey?
  /// How many such tasks run at a time. nil: as the type says.
  public var limit: TaskLimit?
  /// Failures (thrown errors) after which the task is a dead letter, 1 to 1,000,000; nil: as the handler says.
  public var maxAttempts: Int?
  /// nil: as the handler says. A custom policy cannot be stored and is refused.
  public var retry: RetryPolicy?
  /// Small strings that travel with the task, such as the trace context. At most 16 KiB as JSON.
  public var headers: [String: String] = [:]
  /// For how long the task is kept, with its result, once it is completed; at most 366 days. nil: as the handler says (``TaskHandlerOptions/retain``).
  /// Costs a header.
  public var retain: Duration?
  /// After this instant the task is not started any more but becomes a dead letter.
  public var deadline: Date?

  public init() {}

  /// `EnqueueOptions.with { $0.priority = 1 }`.
  public static func with(_ change: (inout EnqueueOptions) -> Void) -> EnqueueOptions {
    var options = EnqueueOptions()
    change(&options)
    return options
  }

  /// - Throws: ``TaskQueueError`` with `invalidName`, `invalidOption` or `payloadTooLarge`; nothing was sent.
  public func validate() throws(TaskQueueError) {
    try queue?.validate()
    if let priority { try TaskPriority.validate(priority) }
    if let maxAttempts, !(1...Limits.maxAttempts ~= maxAttempts) {
      throw .invalidOption("maxAttempts must be in 1 … \(Limits.maxAttempts); got \(maxAttempts).")
    }
    if case .after(let delay) = schedule.rule, delay > Limits.delay {
      throw .invalidOption("A delay must be at most 100 years.")
    }
    if case .at(let instant) = schedule.rule, !(instant < .distantFuture) {
      throw .invalidOption("A due time must be an instant before the year 4001. Milliseconds taken for seconds?")
    }
    if let deadline, !(deadline > .distantPast && deadline < .distantFuture) {
      throw .invalidOption("A deadline must be an instant between the years 1 and 4001, or none.")
    }
    if let unique { try unique.validate() }
    try limit?.validate()
    if let retry {
      guard let stored = retry.stored else {
        throw .invalidOption("A custom retry policy cannot be stored with a task; give it to the handler instead.")
      }
      try stored.validate()
    }
    try RetainHeader.validate(retain, of: "a task")
    try Self.validateHeaders(storedHeaders)
  }

  /// With what travels as a header.
  var storedHeaders: [String: String] {
    guard let retain else { return headers }
    return headers.merging([RetainHeader.name: RetainHeader.text(retain)]) { _, own in own }
  }

  package static func validateHeaders(_ headers: [String: String]) throws(TaskQueueError) {
    guard !headers.isEmpty else { return }
    // Braces, and for each header four quotes, a colon and a comma, but for one.
    let bytes = headers.reduce(1) { $0 + 6 + jsonBytes($1.key) + jsonBytes($1.value) }
    guard bytes <= Limits.headerBytes else {
      throw .init(.payloadTooLarge, "Headers must be at most \(Limits.headerBytes) bytes as JSON; got \(bytes).")
    }
  }

  /// As `JSONEncoder` writes it, without the quotes.
  private static func jsonBytes(_ text: String) -> Int {
    text.utf8.reduce(0) { count, byte in
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), 0x08, 0x09, 0x0A, 0x0C, 0x0D: count + 2
      case 0..<0x20: count + 6
      default: count + 1
      }
    }
  }
}

/// The rule of priorities: lower runs first.
enum TaskPriority {
  static let standard = 100

  static func validate(_ priority: Int) throws(TaskQueueError) {
    guard Int(Int16.min)...Int(Int16.max) ~= priority else {
      throw .invalidOption("A priority must be in \(Int16.min) … \(Int16.max) (lower runs first); got \(priority).")
    }
  }
}
