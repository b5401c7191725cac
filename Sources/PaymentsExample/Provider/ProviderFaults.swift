/// How badly the simulated provider behaves. Rates are probabilities per request, 0 to 1; the first four exclude
/// one another, so their sum is at most 1.
struct ProviderFaults: Sendable, Equatable {
  /// Answers 500 and does nothing.
  var errorBeforeWork = 0.0
  /// Does the work, then answers 500.
  var errorAfterWork = 0.0
  /// Does the work, then drops the connection in the middle of the answer.
  var lostResponse = 0.0
  /// Does the work, then answers only after `stallTime`.
  var stall = 0.0
  /// A payment ends CANCELLED instead of DONE.
  var cancel = 0.0
  /// A callback is sent twice.
  var duplicateCallback = 0.0
  /// A callback is never sent.
  var lostCallback = 0.0
  /// The callback of PROCESSING comes after that of the final status.
  var reorderedCallback = 0.0
  /// A callback comes only after `callbackDelay`.
  var delayedCallback = 0.0
  /// A callback signed with another secret comes too, and says the payment is DONE.
  var forgedCallback = 0.0

  /// How long a stalled answer takes.
  var stallTime = Duration.seconds(3)
  /// How long every answer takes, before anything else.
  var latency = Duration.zero
  /// How long a payment stays PROCESSING.
  var processingTime = Duration.milliseconds(500)
  /// How late a delayed callback is.
  var callbackDelay = Duration.seconds(2)
  /// Whether a repeated `Idempotency-Key` is answered with the first payment. Off: orphans in INIT appear.
  var honoursIdempotencyKeys = true

  /// Answers everything at once and loses nothing.
  static let none = Self()

  /// Throws a sentence for people if a number is out of range.
  func validate() throws {
    let rates = [
      errorBeforeWork, errorAfterWork, lostResponse, stall, cancel, duplicateCallback, lostCallback,
      reorderedCallback, delayedCallback, forgedCallback,
    ]
    guard rates.allSatisfy({ (0...1).contains($0) }) else {
      throw CommandError("A fault rate is a probability between 0 and 1.")
    }
    guard errorBeforeWork + errorAfterWork + lostResponse + stall <= 1 else {
      throw CommandError("The rates of errors, lost responses and stalls add up to more than 1.")
    }
  }
}
