/// At most one live task with this key in its queue; concurrent duplicates yield one task, and everybody its id.
public struct UniqueKey: Hashable, Sendable {
  /// What happens to the existing task when its key is enqueued again.
  public struct Mode: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Nothing. An event that arrives while the task runs is not seen by it: use ``coalesce`` for events.
    public static let keepExisting = Mode(rawValue: "keep_existing")
    /// The waiting task gets the new payload and options. A task that a worker holds gets them for one more run after this.
    public static let replace = Mode(rawValue: "replace")
    /// The waiting task is pulled forward to the new due time if that is earlier. A task that a worker holds is marked to
    /// run once more when this attempt ends, whatever its outcome. The tool for callbacks: nothing piles up, nothing is missed.
    public static let coalesce = Mode(rawValue: "coalesce")
  }

  /// 1 to 256 UTF-8 bytes without control characters.
  public var key: String
  public var mode: Mode
  /// How long the key also covers the task after it completed. nil: only while the task waits or runs. Above zero.
  public var periodAfterCompletion: Duration?

  public init(_ key: String, mode: Mode = .keepExisting, periodAfterCompletion: Duration? = nil) {
    self.key = key
    self.mode = mode
    self.periodAfterCompletion = periodAfterCompletion
  }

  static let maxBytes = 256

  /// - Throws: ``TaskQueueError`` with `invalidName` or `invalidOption`.
  public func validate() throws(TaskQueueError) {
    guard !key.isEmpty, key.utf8.count <= Self.maxBytes,
      !key.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else {
      throw .invalidName("A unique key must have 1 to \(Self.maxBytes) UTF-8 bytes and no control characters.")
    }
    guard [.keepExisting, .replace, .coalesce].contains(mode) else {
      throw .invalidOption("A unique key's mode must be keepExisting, replace or coalesce; got \(mode.rawValue).")
    }
    if let periodAfterCompletion, periodAfterCompletion <= .zero || periodAfterCompletion > Limits.delay {
      throw .invalidOption("A unique key's period after completion must be above zero and at most 100 years.")
    }
  }
}
