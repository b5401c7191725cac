import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One type's handler with all middleware around it, and the rules for what becomes of its attempts.
final class HandlerLane: Sendable {
  private let options: TaskHandlerOptions
  private let services: AttemptServices
  private let attempt: @Sendable (TaskContext) async throws -> TaskOutcome

  init(_ entry: TaskHandlers.Entry, services: AttemptServices, middleware: [any TaskMiddleware]) {
    options = entry.options
    self.services = services
    attempt = middleware.around(entry.run)
  }

  /// For a task of a type that was not asked for.
  static func snoozing(_ delay: Duration) -> HandlerLane {
    let services = AttemptServices(
      logger: Logger(label: "TaskQueue"),
      ledger: nil,
      effects: .init(),
      retry: .standard
    )
    return HandlerLane(.init(options: .init()) { _ in .snooze(delay) }, services: services, middleware: [])
  }

  func perform(_ task: ClaimedTask) async -> OutcomeRules.Ending {
    do { return .returned(try await attempt(TaskContext(task: task, services: services))) } catch {
      return .threw(error)
    }
  }

  /// - Returns: what the store is told; nil: nothing is to be recorded.
  func settlement(
    for ending: OutcomeRules.Ending,
    of task: ClaimedTask,
    cancelReason: CancelReason? = nil
  ) -> Settlement? {
    var generator = SystemRandomNumberGenerator()
    let rules = OutcomeRules(task: task, options: options, now: Date().timeIntervalSince1970)
    return rules.settlement(for: ending, cancelReason: cancelReason, using: &generator)
  }
}

extension TaskHandlers {
  /// The lanes of all types, with the library's own middleware outermost.
  func lanes(
    ledger: (any EffectLedger)?,
    effects: EffectsConfiguration,
    middleware: [any TaskMiddleware],
    clock: WorkerClock,
    logger: Logger
  ) -> [TaskType: HandlerLane] {
    entries.mapValues { entry in
      let services = AttemptServices(logger: logger, ledger: ledger, effects: effects, retry: entry.options.retry)
      return HandlerLane(entry, services: services, middleware: middleware)
    }
  }
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
