/// What is worth a look before it becomes trouble.
public struct EffectWarning: Sendable, Hashable, CustomStringConvertible {
  /// The kind of warning. Codes may be added in minor versions.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// The next retry falls behind the end of the key's lifetime: from then on only `reconcile` decides, or a person.
    public static let keyEndsBeforeNextRetry = Code("keyEndsBeforeNextRetry")
    /// Another attempt has taken the effect over while this one called; what this one learned is recorded where it can be.
    public static let overtaken = Code("overtaken")
  }

  public var code: Code
  public var task: TaskID
  public var effect: EffectName
  public var key: IdempotencyKey
  public var message: String

  public init(_ code: Code, task: TaskID, effect: EffectName, key: IdempotencyKey, _ message: String) {
    self.code = code
    self.task = task
    self.effect = effect
    self.key = key
    self.message = message
  }

  public var description: String { "Effect \(effect) of task \(task): \(code): \(message)" }
}

/// How a worker makes effects.
public struct EffectsConfiguration: Sendable {
  /// Measures call limits. It must go on while the process stands still.
  public var clock: any Clock<Duration> = ContinuousClock()
  /// Is told what ``EffectWarning/Code`` lists; it is logged too. Must be short.
  public var onWarning: @Sendable (EffectWarning) -> Void = { _ in }

  public init() {}

  public init(
    clock: any Clock<Duration> = ContinuousClock(),
    onWarning: @escaping @Sendable (EffectWarning) -> Void = { _ in }
  ) {
    self.clock = clock
    self.onWarning = onWarning
  }
}
