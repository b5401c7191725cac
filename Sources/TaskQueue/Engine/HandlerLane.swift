import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One type's handler with all middleware around it, and the rules for what becomes of its attempts.
final class HandlerLane: Sendable {
  /// A rolled back transaction is worth so many tries within one attempt.
  private static var maxTries: Int { 5 }

  /// Empty: none, as it is for all that were not asked for.
  let type: TaskType
  private let options: TaskHandlerOptions
  private let services: AttemptServices
  private let attempt: @Sendable (TaskContext) async throws -> TaskOutcome

  init(_ type: TaskType, _ entry: TaskHandlers.Entry, services: AttemptServices, middleware: [any TaskMiddleware]) {
    self.type = type
    options = entry.options
    self.services = services
    attempt = middleware.around(entry.makeAttempt())
  }

  /// For a task of a type that was not asked for.
  static func snoozing(_ delay: Duration, environment: WorkerEnvironment) -> HandlerLane {
    let services = AttemptServices(
      type: "",
      logger: Logger(label: "TaskQueue"),
      ledger: nil,
      effects: .init(),
      retry: .standard,
      environment: environment
    )
    return HandlerLane("", .init(options: .init()) { { _ in .snooze(delay) } }, services: services, middleware: [])
  }

  /// How an attempt ended, and how far its flow came.
  struct Performed: Sendable {
    var ending: OutcomeRules.Ending
    var progress = FlowProgress()
    /// Completed, with nothing more to be told to the store.
    let isPlainCompletion: Bool
  }

  /// Runs one attempt to its end.
  func perform(_ task: ClaimedTask, on runner: FlowRunner) async -> Performed {
    let flow = FlowState(task, on: runner, clock: services.environment.clock)
    var ending = await call(task, flow)
    // Else it would run again and again when its lease has ended, without a word why.
    if case .returned(.settledInTransaction) = ending, !flow.maySettle {
      ending = .threw(TaskQueueError.nothingSettled)
    }
    guard flow.isFlow else {
      var isPlain = false
      if case .returned(.completed) = ending { isPlain = keepsNothing(of: task) }
      return Performed(ending: ending, isPlainCompletion: isPlain)
    }
    return await end(ending, of: flow)
  }

  private func keepsNothing(of task: ClaimedTask) -> Bool {
    options.retain == nil && !task.isFollowed && task.retain == nil
  }

  /// The end of a flow's attempt is not the handler's alone to say.
  private func end(_ own: OutcomeRules.Ending, of flow: FlowState) async -> Performed {
    var (isSettled, error): (Bool, (any Error)?) = (false, nil)
    switch own {
    case .returned(let outcome): isSettled = outcome == .settledInTransaction
    case .threw(let thrown): error = thrown
    case .suspended, .unwound: break
    }
    let ending: OutcomeRules.Ending
    switch await flow.end(error) {
    case _ where isSettled: ending = own
    case .own: ending = own
    case .suspended(let waits): ending = .suspended(waits)
    case .failed(let failure): ending = .threw(failure)
    case .unwound(let reason, let detail): ending = .unwound(reason, detail: detail)
    }
    return Performed(ending: ending, progress: flow.progress, isPlainCompletion: false)
  }

  /// Calls the handler; again if its own transaction was rolled back for the sake of others.
  private func call(_ task: ClaimedTask, _ flow: FlowState) async -> OutcomeRules.Ending {
    var wait: Duration = .milliseconds(10)
    for _ in 1..<Self.maxTries {
      do { return .returned(try await attempt(TaskContext(task: task, services: services, flow: flow))) } catch {
        guard (error as? any PassingError)?.isRolledBack == true, !Task.isCancelled else { return .threw(error) }
      }
      var generator = services.environment.generator
      try? await services.environment.clock.sleep(for: wait * Double.random(in: 0.5...1, using: &generator))
      wait *= 2
      await flow.restart()
    }
    do { return .returned(try await attempt(TaskContext(task: task, services: services, flow: flow))) } catch {
      return .threw(error)
    }
  }

  /// What becomes of the attempt.
  func judgement(
    of performed: Performed,
    _ task: ClaimedTask,
    cancelReason: CancelReason? = nil
  ) -> Judgement {
    var generator = services.environment.generator
    let now = services.environment.wallClock().timeIntervalSince1970
    let rules = OutcomeRules(task: task, options: options, progress: performed.progress, now: now)
    var judgement = rules.judgement(of: performed.ending, cancelReason: cancelReason, using: &generator)
    judgement.isToBeUndone = performed.progress.isToBeUndone
    return judgement
  }
}

/// The lanes of a worker.
struct HandlerLanes: Sendable {
  private let lanes: [TaskType: HandlerLane]
  /// For tasks of types that were not asked for.
  let unknown: HandlerLane

  /// - Parameter unknownDelay: how long a task of a type that was not asked for is put off.
  init(
    _ handlers: TaskHandlers,
    store: any TaskStore,
    effects: EffectsConfiguration,
    middleware: [any TaskMiddleware],
    unknownDelay: Duration,
    environment: WorkerEnvironment,
    logger: Logger
  ) {
    lanes = Dictionary(
      uniqueKeysWithValues: handlers.entries.map { type, entry in
        let services = AttemptServices(
          type: type,
          logger: logger,
          store: store.contract,
          ledger: store as? any EffectLedger,
          effects: effects,
          retry: entry.options.retry,
          retain: entry.options.retain,
          coding: handlers.coding,
          environment: environment,
          middleware: middleware
        )
        return (type, HandlerLane(type, entry, services: services, middleware: middleware))
      }
    )
    unknown = .snoozing(unknownDelay, environment: environment)
  }

  subscript(_ type: TaskType) -> HandlerLane { lanes[type] ?? unknown }
}

extension ClaimedTask {
  /// Why it is not started, if so.
  func rejection(maxCrashes: Int) -> Settlement.Action? {
    if isCancelRequested { return .bury(.cancelled, detail: nil, nil) }
    if crashes > maxCrashes {
      return .bury(
        .crashed,
        detail: "\(crashes) attempts ended without an outcome: their workers died or lost the lease.",
        nil
      )
    }
    if let deadline, deadline <= claimedAt {
      return .bury(.expired, detail: "Its deadline passed before attempt \(attempt).", nil)
    }
    return nil
  }
}

extension TaskQueueError {
  fileprivate static var nothingSettled: TaskQueueError {
    TaskQueueError(
      .invalidOption,
      """
      The handler returned settledInTransaction, but nothing in this attempt has settled its task. Settle it by withCompletion(of:), \
      complete(_:in:) or settle(_:_:in:) with the handler's context, or return another outcome.
      """
    )
  }
}
