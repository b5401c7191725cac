/// What happens to one request at the simulated provider.
enum RequestFate: String, Sendable, Equatable {
  case answered
  case errorBeforeWork
  case errorAfterWork
  case lostResponse
  case stalled

  /// Draws one fate.
  static func draw(_ faults: ProviderFaults, using generator: inout some RandomNumberGenerator) -> Self {
    var dice = Double.random(in: 0..<1, using: &generator)
    for (fate, rate) in [
      (Self.errorBeforeWork, faults.errorBeforeWork), (.errorAfterWork, faults.errorAfterWork),
      (.lostResponse, faults.lostResponse), (.stalled, faults.stall),
    ] {
      if dice < rate { return fate }
      dice -= rate
    }
    return .answered
  }
}
