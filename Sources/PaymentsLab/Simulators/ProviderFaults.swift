import PaymentsExample

/// How badly the simulated provider behaves. Rates are probabilities per request, 0 to 1; the first four exclude
/// one another, so their sum is at most 1.
package struct ProviderFaults: Sendable, Equatable {
  /// Answers 500 and does nothing.
  package var errorBeforeWork = 0.0
  /// Does the work, then answers 500.
  package var errorAfterWork = 0.0
  /// Does the work, then drops the connection in the middle of the answer.
  package var lostResponse = 0.0
  /// Does the work, then answers only after `stallTime`.
  package var stall = 0.0
  /// A payment ends CANCELLED instead of DONE.
  package var cancel = 0.0
  /// Refuses to execute a payment, however often it is asked to.
  package var refuse = 0.0
  /// Registers another amount than it was asked for.
  package var alter = 0.0
  /// A callback is sent twice.
  package var duplicateCallback = 0.0
  /// A callback is never sent.
  package var lostCallback = 0.0
  /// The callback of PROCESSING comes after that of the final status.
  package var reorderedCallback = 0.0
  /// A callback comes only after `callbackDelay`.
  package var delayedCallback = 0.0
  /// A callback signed with another secret comes too, and says the payment is DONE.
  package var forgedCallback = 0.0

  /// The money of a payment that is DONE comes back.
  package var returned = 0.0
  /// A payment that is DONE is disputed; the dispute is won or lost at even odds.
  package var disputed = 0.0
  /// A quarter of a payment that is DONE is refunded by somebody at the provider.
  package var ownRefund = 0.0
  /// A refund that is DONE fails after all.
  package var refundFailure = 0.0

  /// How long a stalled answer takes.
  package var stallTime = Duration.seconds(3)
  /// How long every answer takes, before anything else.
  package var latency = Duration.zero
  /// How long a payment stays PROCESSING; zero: it is final when `execute` is answered.
  package var processingTime = Duration.milliseconds(500)
  /// How long after a payment, a refund or a dispute the next thing happens to it by itself.
  package var occurrenceDelay = Duration.milliseconds(500)
  /// How late a delayed callback is.
  package var callbackDelay = Duration.seconds(2)
  /// Whether a repeated `Idempotency-Key` is answered with the first payment. Off: orphans in INIT appear.
  package var honoursIdempotencyKeys = true

  package init(
    errorBeforeWork: Double = 0.0,
    errorAfterWork: Double = 0.0,
    lostResponse: Double = 0.0,
    stall: Double = 0.0,
    cancel: Double = 0.0,
    refuse: Double = 0.0,
    alter: Double = 0.0,
    duplicateCallback: Double = 0.0,
    lostCallback: Double = 0.0,
    reorderedCallback: Double = 0.0,
    delayedCallback: Double = 0.0,
    forgedCallback: Double = 0.0,
    returned: Double = 0.0,
    disputed: Double = 0.0,
    ownRefund: Double = 0.0,
    refundFailure: Double = 0.0,
    stallTime: Duration = .seconds(3),
    latency: Duration = .zero,
    processingTime: Duration = .milliseconds(500),
    occurrenceDelay: Duration = .milliseconds(500),
    callbackDelay: Duration = .seconds(2),
    honoursIdempotencyKeys: Bool = true
  ) {
    self.errorBeforeWork = errorBeforeWork
    self.errorAfterWork = errorAfterWork
    self.lostResponse = lostResponse
    self.stall = stall
    self.cancel = cancel
    self.refuse = refuse
    self.alter = alter
    self.duplicateCallback = duplicateCallback
    self.lostCallback = lostCallback
    self.reorderedCallback = reorderedCallback
    self.delayedCallback = delayedCallback
    self.forgedCallback = forgedCallback
    self.returned = returned
    self.disputed = disputed
    self.ownRefund = ownRefund
    self.refundFailure = refundFailure
    self.stallTime = stallTime
    self.latency = latency
    self.processingTime = processingTime
    self.occurrenceDelay = occurrenceDelay
    self.callbackDelay = callbackDelay
    self.honoursIdempotencyKeys = honoursIdempotencyKeys
  }

  /// Answers everything at once and loses nothing.
  package static let none = Self()

  /// Throws a sentence for people if a number is out of range.
  package func validate() throws {
    let rates = [
      errorBeforeWork, errorAfterWork, lostResponse, stall, cancel, refuse, alter, duplicateCallback, lostCallback,
      reorderedCallback, delayedCallback, forgedCallback, returned, disputed, ownRefund, refundFailure,
    ]
    guard rates.allSatisfy({ (0...1).contains($0) }) else {
      throw CommandError("A fault rate is a probability between 0 and 1.")
    }
    guard errorBeforeWork + errorAfterWork + lostResponse + stall <= 1 else {
      throw CommandError("The rates of errors, lost responses and stalls add up to more than 1.")
    }
  }
}

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
