/// A wait that doubles from a minimum to a maximum and drops back on success.
struct BackoffInterval {
  let minimum: Duration
  let maximum: Duration
  /// The next step, without jitter.
  private(set) var current: Duration

  init(minimum: Duration, maximum: Duration) {
    self.minimum = minimum
    self.maximum = maximum
    self.current = minimum
  }

  mutating func reset() { current = minimum }

  /// Goes on from this step, if that is sooner.
  mutating func restart(at step: Duration) { current = min(current, max(step, minimum)) }

  /// The next wait: 90 to 110 % of the current step, so that processes started together drift apart.
  mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let wait = current * Double.random(in: 0.9...1.1, using: &generator)
    current = min(current * 2, maximum)
    return wait
  }
}
