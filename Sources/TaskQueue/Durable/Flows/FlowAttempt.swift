#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The calls of a flow in one attempt: what the journal decides is done, and recorded.
struct FlowAttempt: Sendable {
  /// Times a step is offered to a store that fails, over about a second and a half.
  private static var maxRecordTries: Int { 6 }

  let context: TaskContext
  let store: any FlowStore
  var flow: FlowState { context.flow }

  init(_ context: TaskContext) throws {
    guard let store = context.services.store as? any FlowStore else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store keeps no flows; use one that does, such as PostgresTaskStore."
      )
    }
    guard !FlowState.isInStep else {
      throw FlowError(
        .nestedStep,
        "\(context.id)",
        "A step, a wait or a compensation was begun in the body of another step. Steps stand one after another, or side by side."
      )
    }
    self.context = context
    self.store = store
  }

  /// - Returns: nil: it is to be done, at that place.
  func begin(
    _ name: String,
    kinds: Set<FlowStep.Kind> = [.step],
    digest: Data? = nil,
    isRepeatable: Bool = false
  ) async throws -> (recorded: FlowStep?, place: Int) {
    let caller = flow.caller
    let decision = flow.withJournal {
      $0.begin(name, kinds: kinds, digest: digest, isRepeatable: isRepeatable, by: caller)
    }
    if let observer = context.services.environment.flowObserver {
      try await observer(FlowCall(name: name, kinds: kinds, decision: observed(decision, name)))
    }
    switch decision {
    case .recorded(let step): return (step, step.place)
    case .run(let place): return (nil, place)
    case .leave: throw FlowSuspension()
    case .refused(let refusal): throw error(refusal, name)
    }
  }

  /// Runs what is registered and not undone yet, last first.
  func undo() async throws {
    let caller = flow.caller
    switch flow.withJournal({ $0.beginUndoing(by: caller) }) {
    case .refused(let refusal)?: throw error(refusal, "\(context.id)")
    case .some: throw FlowSuspension()
    case nil: try await flow.undo(flow.withJournal { $0.toUndo })
    }
  }

  private func observed(_ decision: FlowJournal.Decision, _ name: String) -> FlowCall.Decision {
    switch decision {
    case .recorded(let step): .recorded(step)
    case .run: .runs
    case .leave: .leaves
    case .refused(let refusal): .refused((error(refusal, name) as? FlowError)?.code)
    }
  }

  private func error(_ refusal: FlowJournal.Refusal, _ name: String) -> any Error {
    switch refusal {
    case .usedBefore:
      FlowError(
        .duplicateStep,
        name,
        "This attempt has used the name already. Number what comes again and again: step(\"page\", 3)."
      )
    case .inputChanged:
      FlowError(
        .inputChanged,
        name,
        "It was recorded with another input, or as something else. Give what has changed another name, or ask version(_:)."
      )
    case .leaseLost: TaskQueueError.flowLeaseLost(context.task.claim)
    case .attemptEnded:
      FlowError(.attemptEnded, name, "The attempt of this context is over; a flow is for the handler's own time.")
    }
  }

  /// The flow waits from now on. Throw what it returns.
  func suspend(_ wait: FlowWait) -> FlowSuspension {
    let caller = flow.caller
    flow.withJournal { $0.suspend(wait, by: caller) }
    return FlowSuspension()
  }

  // MARK: Steps

  func step<Value: Codable & Sendable>(
    _ name: String,
    place: Int,
    digest: Data?,
    options: StepOptions,
    as part: AttemptPart? = nil,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await flow.run {
      let services = context.services
      let elapsed = stopwatch(on: services.environment.clock)
      defer { services.metrics.stepped(for: elapsed()) }
      do {
        let value = try await FlowState.$isInStep.withValue(true) {
          try await services.middleware.around(part ?? AttemptPart(.step, name), of: context) {
            try await limited(name, options.timeout, body)
          }
        }
        let json = try encoded(value, name)
        try await record(FlowStep(name, .step, place: place, value: json, digest: digest))
        flow.noteSuccess()
        return value
      } catch {
        flow.noteFailure(error, .init(retry: options.retry, maxAttempts: options.maxAttempts))
        throw error
      }
    }
  }

  /// Cancels the body when the time is up, and waits for it.
  private func limited<Value: Sendable>(
    _ name: String,
    _ limit: Duration?,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    guard let limit else { return try await body() }
    let clock = context.services.environment.clock
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try? await clock.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      if let value = try await group.next() ?? nil { return value }
      try Task.checkCancellation()
      group.cancelAll()
      if let value = try? await group.next() ?? nil { return value }
      throw FlowError(.stepTimedOut, name, "Its body took longer than \(limit), and was cancelled.")
    }
  }

  func record(_ step: FlowStep) async throws {
    var backoff = BackoffInterval(minimum: .milliseconds(50), maximum: .milliseconds(800))
    var generator = context.services.environment.generator
    var tries = 1
    while true {
      do throws(TaskQueueError) {
        guard try await store.record(step, by: context.task.claim, repeats: tries > 1) else {
          flow.withJournal { $0.noteLost() }
          throw TaskQueueError.flowLeaseLost(context.task.claim)
        }
        return flow.withJournal { $0.note(step) }
      } catch {
        // An unknown outcome, too: behind the fence a step that is there is this one.
        guard error.isRetrySafe || error.code == .outcomeUnknown, tries < Self.maxRecordTries else { throw error }
        tries += 1
        try await context.services.environment.clock.sleep(for: backoff.next(using: &generator))
      }
    }
  }

  // MARK: Values

  func encoded(_ value: some Encodable, _ name: String) throws(FlowError) -> Data {
    let json: Data
    do { json = try PayloadEncoder.canonical.encode(value) } catch {
      let cause = UnencodableValue.describing(error)
      throw FlowError(.encodingFailed, name, "What it returned could not be encoded as JSON.", underlying: cause)
    }
    guard json.count <= Limits.stepValueBytes else {
      throw FlowError(
        .valueTooLarge,
        name,
        "What it returned has \(json.count) bytes as JSON; the limit is \(Limits.stepValueBytes). Return a reference instead."
      )
    }
    return json
  }

  func decoded<Value: Decodable>(_ step: FlowStep, as type: Value.Type = Value.self) throws(FlowError) -> Value {
    do { return try JSONDecoder().decode(Value.self, from: step.value ?? Data("null".utf8)) } catch {
      // Without the error itself, which quotes the value.
      let problem = TaskFailure.message(of: error)
      throw FlowError(.unreadableValue, step.name, "Its recorded value cannot be decoded: \(problem)")
    }
  }

  static func digest(_ input: (any Encodable)?, _ name: String) throws(FlowError) -> Data? {
    guard let input else { return nil }
    do { return Data(SHA256.hash(Array(try PayloadEncoder.canonical.encode(input)))) } catch {
      let cause = UnencodableValue.describing(error)
      throw FlowError(.encodingFailed, name, "Its input could not be encoded as JSON.", underlying: cause)
    }
  }
}

/// How one step is run.
struct StepOptions: Sendable {
  var retry: RetryPolicy?
  var maxAttempts: Int?
  var timeout: Duration?

  func validate() throws(TaskQueueError) {
    if let maxAttempts, !(1...Limits.maxAttempts ~= maxAttempts) {
      throw .invalidOption("maxAttempts of a step must be in 1 … \(Limits.maxAttempts); got \(maxAttempts).")
    }
    if let timeout, timeout <= .zero {
      throw .invalidOption("The timeout of a step must be above zero, or none.")
    }
    try retry?.stored?.validate()
  }
}

extension TaskQueueError {
  static func flowLeaseLost(_ claim: Claim) -> TaskQueueError {
    TaskQueueError(.leaseLost, "Task \(claim.id) is no longer held by this claim; the step was not recorded.")
  }
}
