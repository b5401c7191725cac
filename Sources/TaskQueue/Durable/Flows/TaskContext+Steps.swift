#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension TaskContext {
  /// Does something once, whatever happens in between, and returns its value in every attempt: a step of a flow.
  ///
  /// ```swift
  /// let account = try await context.step("open account") { try await bank.open(customer) }
  /// try await context.sleep("trial", for: .seconds(14 * 86_400))
  /// let bill = try await context.step("bill") { try await bank.bill(account) }
  /// ```
  ///
  /// The value is recorded when the body has returned: one round trip and one commit, shared with other flows that record at the same time. An
  /// attempt that finds it recorded costs nothing. If the worker dies in between, the body runs again: what must not happen twice, such as a
  /// payment, is an effect (``TaskContext/effects``). A body that throws is a failure of the attempt if the handler lets it through; each recorded step
  /// begins the count of failures anew.
  ///
  /// Steps may run side by side (`async let`); what runs when the flow begins to wait is finished and recorded first. They do not nest.
  ///
  /// - Parameters:
  ///   - name: one per step of the task, 1 to 128 bytes without control characters, not beginning with `~`.
  ///   - number: tells steps of one name apart, in a loop.
  ///   - input: what the step depends on. Its JSON is digested, not stored; a later attempt that brings another one fails loudly.
  ///   - retry: how long to wait when the body throws; nil: as the task.
  ///   - maxAttempts: failures in a row after which the task is given up; nil: as the task.
  ///   - timeout: how long the body may take; nil: as long as the attempt.
  ///   - body: its value is stored as JSON, at most ``Limits/stepValueBytes``.
  /// - Throws: what the body throws; ``FlowError``; ``TaskQueueError`` with `leaseLost` (nothing was recorded), `storeFailed`, `invalidName`,
  ///   `invalidOption`; ``FlowSuspension`` if the flow waits meanwhile.
  @discardableResult
  public func step<Value: Codable & Sendable>(
    _ name: String,
    _ number: Int? = nil,
    input: (any Encodable)? = nil,
    retry: RetryPolicy? = nil,
    maxAttempts: Int? = nil,
    timeout: Duration? = nil,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let name = try FlowNames.own(name, number)
    let options = StepOptions(retry: retry, maxAttempts: maxAttempts, timeout: timeout)
    try options.validate()
    let attempt = try FlowAttempt(self)
    let digest = try FlowAttempt.digest(input, name)
    let (recorded, place) = try await attempt.begin(name, digest: digest)
    if let recorded { return try attempt.decoded(recorded) }
    return try await attempt.step(name, place: place, digest: digest, options: options, body)
  }

  /// ``step(_:_:input:retry:maxAttempts:timeout:_:)-(_,_,_,_,_,_,()->Value)`` without a value.
  public func step(
    _ name: String,
    _ number: Int? = nil,
    input: (any Encodable)? = nil,
    retry: RetryPolicy? = nil,
    maxAttempts: Int? = nil,
    timeout: Duration? = nil,
    _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    let done: Bool = try await step(
      name,
      number,
      input: input,
      retry: retry,
      maxAttempts: maxAttempts,
      timeout: timeout
    ) {
      try await body()
      return true
    }
    assert(done)
  }

  /// The time of the first attempt that came here, by its worker's clock. As a step.
  public func now(_ name: String) async throws -> Date {
    let wallClock = services.environment.wallClock
    return try await immediate(name) { wallClock() }
  }

  /// A random number that stays the same in every attempt. As a step.
  public func random(_ name: String, in range: ClosedRange<Int>) async throws -> Int {
    var generator = services.environment.generator
    let number = Int.random(in: range, using: &generator)
    return try await immediate(name) { number }
  }

  private func immediate<Value: Codable & Sendable>(
    _ name: String,
    _ make: @Sendable () -> Value
  ) async throws -> Value {
    let name = try FlowNames.own(name)
    let attempt = try FlowAttempt(self)
    let (recorded, place) = try await attempt.begin(name)
    if let recorded { return try attempt.decoded(recorded) }
    let value = make()
    let step = FlowStep(name, .step, place: place, value: try attempt.encoded(value, name))
    try await attempt.flow.run { try await attempt.record(step) }
    return value
  }

  /// Tells flows that pass here for the first time from those that had passed here when this call was not in the code yet: true for the
  /// former, false for the latter, and the same in every later attempt. So code in front of and after a change run side by side.
  ///
  /// ```swift
  /// if try await context.version("fraud check") {
  ///   try await context.step("score") { … }
  /// }
  /// ```
  ///
  /// ``TaskClient/isVersionSafeToRemove(_:of:)`` says when the branch for false has nobody left. As a step.
  public func version(_ name: String) async throws -> Bool {
    let name = FlowNames.version(try FlowNames.own(name, kind: "version"))
    let attempt = try FlowAttempt(self)
    let (recorded, place) = try await attempt.begin(name)
    if let recorded { return try attempt.decoded(recorded) }
    let isNew = attempt.flow.withJournal { !$0.isAhead }
    let step = FlowStep(name, .step, place: place, value: try attempt.encoded(isNew, name))
    try await attempt.flow.run { try await attempt.record(step) }
    return isNew
  }

  /// Registers what undoes the flow so far, for the case that it does not reach its end: it is discarded, has failed for the last time, was
  /// cancelled, or its deadline passed. Register before what is to be undone if half of that may be done, else after it.
  ///
  /// Registered durably, as a step. A flow that fails for good runs once more: what is recorded returns as always, and at the first step that is
  /// not, the handler is left; then the compensations run in reverse order, each once, as steps `~undo/…`, and only then the task is a dead letter. One that
  /// throws is retried as any step. Redriven, a flow that was undone begins anew. `await` nothing in a handler but steps and effects in front of a
  /// compensation: it is run again to get there.
  ///
  /// - Throws: as ``step(_:_:input:retry:maxAttempts:timeout:_:)-(_,_,_,_,_,_,()->Value)``.
  public func onFailure(_ name: String, _ undo: @escaping @Sendable () async throws -> Void) async throws {
    let registration = FlowNames.registration(try FlowNames.own(name, kind: "compensation's name"))
    let attempt = try FlowAttempt(self)
    let (recorded, place) = try await attempt.begin(registration, kinds: [.undo])
    if recorded == nil {
      let step = FlowStep(registration, .undo, place: place)
      try await attempt.flow.run { try await attempt.record(step) }
    }
    let part = AttemptPart(.compensation, name)
    attempt.flow.register(registration) {
      let name = FlowNames.undo(of: registration)
      guard case .run(let place) = attempt.flow.withJournal({ $0.beginUndo(name) }) else { return }
      let _: Bool = try await attempt.step(name, place: place, digest: nil, options: StepOptions(), as: part) {
        try await undo()
        return true
      }
    }
  }

  /// Undoes the flow so far and lets it go on: what ``onFailure(_:_:)`` has registered runs in reverse order, each once, as steps `~undo/…`.
  ///
  /// For a flow that comes to nothing without having failed, such as an order that was declined: a handler that completes afterwards leaves no
  /// dead letter. One that throws, or dies, goes on here with what is left.
  ///
  /// ```swift
  /// let isPaid = try await context.step("charge") { try await bank.charge(order) }
  /// if !isPaid { try await context.undo() }
  /// return .completed
  /// ```
  ///
  /// - Throws: what a compensation throws; as ``step(_:_:input:retry:maxAttempts:timeout:_:)-(_,_,_,_,_,_,()->Value)``.
  public func undo() async throws { try await FlowAttempt(self).undo() }

  /// Runs `body` in a transaction of the store that records the step, too: its rows and the step commit together, or neither does. As a step, but
  /// that the body runs exactly once in what is committed.
  ///
  /// The task's row is locked first, so a worker that lost its lease writes nothing. Keep it short. Three round trips besides the body's own.
  ///
  /// - Throws: what the body throws; as ``step(_:_:input:retry:maxAttempts:timeout:_:)-(_,_,_,_,_,_,()->Value)``; ``TaskQueueError`` with
  ///   `outcomeUnknown`: the next attempt knows.
  @discardableResult
  public func transaction<Store: TransactionalTaskStore, Value: Codable & Sendable>(
    _ name: String,
    _ number: Int? = nil,
    on store: Store,
    input: (any Encodable)? = nil,
    _ body: @escaping (Store.Transaction) async throws -> Value
  ) async throws -> Value {
    let name = try FlowNames.own(name, number)
    let attempt = try FlowAttempt(self)
    let digest = try FlowAttempt.digest(input, name)
    let (recorded, place) = try await attempt.begin(name, digest: digest)
    if let recorded { return try attempt.decoded(recorded) }
    var step = FlowStep(name, .step, place: place, digest: digest)
    let elapsed = stopwatch(on: services.environment.clock)
    defer { services.metrics.stepped(for: elapsed()) }
    let value = try await store.withReadCommittedTransaction { transaction in
      guard try await store.hold(claim, in: transaction) else { throw TaskQueueError.flowLeaseLost(claim) }
      let value = try await services.middleware.around(AttemptPart(.step, name), of: self) {
        try await FlowState.$isInStep.withValue(true) { try await body(transaction) }
      }
      step.value = try attempt.encoded(value, name)
      guard try await store.record(step, by: claim, in: transaction) else { throw TaskQueueError.flowLeaseLost(claim) }
      return value
    }
    attempt.flow.withJournal { $0.note(step) }
    return value
  }
}
