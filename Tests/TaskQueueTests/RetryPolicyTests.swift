@_spi(Store) import TaskQueue
import Testing

@Suite("Retry policies")
struct RetryPolicyTests {
  /// A fixed random sequence, so that a failure replays (SplitMix64: Steele, Lea, Flood 2014).
  struct FixedGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  private func delay(_ policy: RetryPolicy, _ attempt: Int, seed: UInt64 = 1) -> Duration {
    var generator = FixedGenerator(state: seed)
    return policy.delay(afterAttempt: attempt, using: &generator)
  }

  @Test("S3 By default a task runs at 0, 1, 3, 7, 15 and 31 minutes")
  func standardSchedule() {
    var minutes = 0.0
    var schedule = [minutes]
    for attempt in 1...5 {
      minutes += delay(.standard, attempt) / .seconds(60)
      schedule.append(minutes)
    }
    #expect(schedule == [0, 1, 3, 7, 15, 31])
  }

  @Test("S3 The default wait doubles up to 2^14 minutes and stays there", arguments: 1...30)
  func standardCap(attempt: Int) {
    let minutes = min(1 << (attempt - 1), 16_384)
    #expect(delay(.standard, attempt) == .seconds(60 * minutes))
  }

  @Test("Attempts far beyond the cap neither overflow nor exceed it", arguments: [100, 1_024, 1_000_000, Int.max])
  func farAttempts(attempt: Int) {
    #expect(delay(.standard, attempt) == .seconds(60 * 16_384))
    let steep = RetryPolicy.exponential(base: .seconds(1), factor: 10, cap: .seconds(1e17))
    #expect(delay(steep, attempt) == Limits.delay)
    #expect(delay(.fixed(.seconds(7)), attempt) == .seconds(7))
  }

  @Test("An attempt below one counts as the first", arguments: [0, -1, Int.min])
  func attemptsBelowOne(attempt: Int) {
    #expect(delay(.standard, attempt) == .seconds(60))
    #expect(delay(.custom { .seconds($0) }, attempt) == .seconds(1))
  }

  @Test("A factor, a base and a cap shape the waits")
  func shape() {
    let policy = RetryPolicy.exponential(base: .seconds(2), factor: 1.5, cap: .seconds(6))
    #expect((1...5).map { delay(policy, $0) } == [2, 3, 4.5, 6, 6].map { .seconds($0) })
    let flat = RetryPolicy.exponential(base: .seconds(2), factor: 1, cap: .seconds(60))
    #expect(delay(flat, 50) == .seconds(2))
  }

  @Test("Jitter stays within its share below the wait, and spreads over it", arguments: [0.1, 0.5, 1.0])
  func jitterBounds(jitter: Double) {
    let policy = RetryPolicy.exponential(base: .seconds(10), cap: .seconds(1_000), jitter: jitter)
    var generator = FixedGenerator(state: 42)
    for attempt in [1, 3, 20] {
      let full = min(10 * Double(1 << (attempt - 1)), 1_000)
      let shares = (0..<500).map { _ in policy.delay(afterAttempt: attempt, using: &generator) / .seconds(full) }
      #expect(shares.allSatisfy { $0 >= 1 - jitter - 1e-9 && $0 <= 1 })
      #expect(shares.contains { $0 < 1 - 0.9 * jitter })
      #expect(shares.contains { $0 > 1 - 0.1 * jitter })
    }
  }

  @Test("Without jitter the generator does not matter; with it the same generator gives the same wait")
  func determinism() {
    #expect(delay(.standard, 4, seed: 1) == delay(.standard, 4, seed: 2))
    let jittered = RetryPolicy.exponential(base: .seconds(10), jitter: 0.5)
    #expect(delay(jittered, 4, seed: 1) == delay(jittered, 4, seed: 1))
    #expect(delay(jittered, 4, seed: 1) != delay(jittered, 4, seed: 2))
  }

  @Test("A custom policy is asked with the attempt; a negative wait is none; it cannot be stored")
  func custom() {
    let policy = RetryPolicy.custom { .seconds(10 - 5 * $0) }
    #expect((1...4).map { delay(policy, $0) } == [.seconds(5), .zero, .zero, .zero])
    #expect(policy.stored == nil)
  }

  @Test("A stored policy gives the same waits again")
  func stored() throws {
    let policy = RetryPolicy.exponential(base: .seconds(3), factor: 1.5, cap: .seconds(99), jitter: 0.25)
    let copy = RetryPolicy(try #require(policy.stored))
    for attempt in 1...12 { #expect(delay(policy, attempt) == delay(copy, attempt)) }
    #expect(RetryPolicy.standard.stored != nil)
    #expect(RetryPolicy.fixed(.seconds(1)).stored != nil)
  }

  @Test(
    "A policy out of bounds is refused",
    arguments: [
      RetryPolicy.fixed(.zero), .fixed(.seconds(-1)), .exponential(base: .seconds(5), cap: .seconds(4)),
      .exponential(base: .seconds(5), factor: 0.9), .exponential(base: .seconds(5), factor: 10.1),
      .exponential(base: .seconds(5), factor: .nan), .exponential(base: .seconds(5), jitter: -0.1),
      .exponential(base: .seconds(5), jitter: 1.1), .exponential(base: .seconds(5), jitter: .nan),
    ]
  )
  func outOfBounds(policy: RetryPolicy) throws {
    let stored = try #require(policy.stored)
    let error = #expect(throws: TaskQueueError.self) { try stored.validate() }
    #expect(error?.code == .invalidOption)
  }
}
