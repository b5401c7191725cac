/// What goes wrong with the callbacks of one payment.
struct CallbackPlan: Equatable, Sendable {
  var isLost: Bool
  var copies: Int
  var isReordered: Bool
  var isDelayed: Bool
  var isForged: Bool

  /// Draws one plan.
  static func draw(_ faults: ProviderFaults, using generator: some RandomNumberGenerator) -> Self {
    var generator = generator
    func happens(_ rate: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < rate }
    return Self(
      isLost: happens(faults.lostCallback),
      copies: happens(faults.duplicateCallback) ? 2 : 1,
      isReordered: happens(faults.reorderedCallback),
      isDelayed: happens(faults.delayedCallback),
      isForged: happens(faults.forgedCallback)
    )
  }
}
