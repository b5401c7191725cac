import ArgumentParser
import PaymentsLab

/// The simulated provider's faults on the command line.
struct FaultOptions: ParsableArguments {
  @Option(name: .customLong("error-rate"), help: "Answers 500 and did nothing.")
  var errorBeforeWork = 0.0

  @Option(name: .customLong("late-error-rate"), help: "Did the work, then answers 500.")
  var errorAfterWork = 0.0

  @Option(name: .customLong("lost-response-rate"), help: "Did the work, then drops the connection.")
  var lostResponse = 0.0

  @Option(name: .customLong("stall-rate"), help: "Did the work, then answers only after --stall-time.")
  var stall = 0.0

  @Option(name: .customLong("cancel-rate"), help: "A payment ends CANCELLED instead of DONE.")
  var cancel = 0.0

  @Option(name: .customLong("refuse-rate"), help: "A payment is never executed: 402.")
  var refuse = 0.0

  @Option(name: .customLong("alter-rate"), help: "Another amount is registered than was asked for.")
  var alter = 0.0

  @Option(name: .customLong("duplicate-callback-rate"), help: "A callback is sent twice.")
  var duplicateCallback = 0.0

  @Option(name: .customLong("lost-callback-rate"), help: "A callback is never sent.")
  var lostCallback = 0.0

  @Option(name: .customLong("reordered-callback-rate"), help: "The callback of PROCESSING comes after the final one.")
  var reorderedCallback = 0.0

  @Option(name: .customLong("delayed-callback-rate"), help: "A callback comes only after --callback-delay.")
  var delayedCallback = 0.0

  @Option(name: .customLong("forged-callback-rate"), help: "A callback signed with another secret comes too.")
  var forgedCallback = 0.0

  @Option(name: .customLong("return-rate"), help: "The money of a payment that is DONE comes back.")
  var returned = 0.0

  @Option(name: .customLong("dispute-rate"), help: "A payment that is DONE is disputed; half of them are lost.")
  var disputed = 0.0

  @Option(name: .customLong("own-refund-rate"), help: "A quarter of a payment is refunded, and nobody asked for it.")
  var ownRefund = 0.0

  @Option(name: .customLong("refund-failure-rate"), help: "A refund that is DONE fails after all.")
  var refundFailure = 0.0

  @Option(help: "How long after a payment, refund or dispute the next of these happens.", transform: DurationText.parse)
  var occurrenceDelay = Duration.milliseconds(500)

  @Option(help: "How late a delayed callback is.", transform: DurationText.parse)
  var callbackDelay = Duration.seconds(2)

  @Option(help: "How long a stalled answer takes.", transform: DurationText.parse)
  var stallTime = Duration.seconds(3)

  @Option(help: "How long every answer takes.", transform: DurationText.parse)
  var latency = Duration.zero

  @Option(help: "How long a payment stays PROCESSING.", transform: DurationText.parse)
  var processingTime = Duration.milliseconds(500)

  @Flag(name: .customLong("ignore-idempotency-keys"), help: "Register a new payment for a repeated Idempotency-Key.")
  var ignoresIdempotencyKeys = false

  var faults: ProviderFaults {
    ProviderFaults(
      errorBeforeWork: errorBeforeWork,
      errorAfterWork: errorAfterWork,
      lostResponse: lostResponse,
      stall: stall,
      cancel: cancel,
      refuse: refuse,
      alter: alter,
      duplicateCallback: duplicateCallback,
      lostCallback: lostCallback,
      reorderedCallback: reorderedCallback,
      delayedCallback: delayedCallback,
      forgedCallback: forgedCallback,
      returned: returned,
      disputed: disputed,
      ownRefund: ownRefund,
      refundFailure: refundFailure,
      stallTime: stallTime,
      latency: latency,
      processingTime: processingTime,
      occurrenceDelay: occurrenceDelay,
      callbackDelay: callbackDelay,
      honoursIdempotencyKeys: !ignoresIdempotencyKeys
    )
  }
}
