import Libpq
import Logging
public import TaskQueue
public import TaskQueuePostgres

extension EventOutbox {
  /// Registers the handler that delivers this outbox's events. Its worker has to serve ``queue``, best a worker of its own with slots of its
  /// own, so that receivers that stall hold up nothing else.
  ///
  /// At least once: events are marked in the transaction that completes the task, after their acknowledgements, so a crash between the
  /// two delivers again, under the same ids. In order: there is one task per aggregate, and it delivers an event when the one before was
  /// acknowledged. An event that nobody takes holds up its own aggregate only, for which each failure is logged
  /// (``OutboxPublisherConfiguration/warnsAfter``); ``skip(_:reason:in:)`` gives it up.
  ///
  /// - Throws: `invalidName`, `invalidOption`; `invalidConfiguration` if it is registered already.
  public func registerPublisher(
    in handlers: inout TaskHandlers,
    client: TaskClient<PostgresTaskStore>,
    transport: some OutboxTransport,
    configuration: OutboxPublisherConfiguration = .init()
  ) throws(TaskQueueError) {
    try validate()
    try configuration.validate()
    let publisher = OutboxPublisher(outbox: self, client: client, transport: transport, configuration: configuration)
    try handlers.register(taskType, as: PublishAggregate.self, options: configuration.handling) { aggregate, context in
      try await publisher.publish(aggregate, context)
    }
  }
}

/// The payload of the tasks that `outbox_wake` enqueues.
struct PublishAggregate: Codable, Sendable {
  var aggregateType: String
  var aggregateID: String
}

/// Publishes the events of one aggregate, oldest first.
///
/// Should two attempts overlap (a lease was lost), what the late one repeats was acknowledged before, so the first arrivals are in order
/// all the same.
struct OutboxPublisher: Sendable {
  let outbox: EventOutbox
  let client: TaskClient<PostgresTaskStore>
  let transport: any OutboxTransport
  let configuration: OutboxPublisherConfiguration

  /// What an attempt has delivered.
  private struct Progress {
    var count = 0
    /// Delivered, and not marked yet.
    var unmarked: [OutboxEvent] = []
    /// What ended the attempt before its batch did.
    var failure: (any Error)?
  }

  func publish(_ aggregate: PublishAggregate, _ context: TaskContext) async throws -> TaskOutcome {
    let events = try await outbox.unpublished(
      aggregateType: aggregate.aggregateType,
      aggregateID: aggregate.aggregateID,
      limit: configuration.batch,
      in: client.pool
    )
    let progress = try await deliver(events)
    if let failure = progress.failure {
      if !Task.isCancelled { report(failure, of: events[progress.count], hasProgress: progress.count > 0, context) }
      if progress.count == 0 || Task.isCancelled {
        try await mark(progress.unmarked)
        throw failure
      }
    }
    let isDone = progress.count == events.count && events.count < configuration.batch
    do {
      try await client.withCompletion(of: context) { transaction in
        if !progress.unmarked.isEmpty { _ = try await transaction.query(outbox.marking(progress.unmarked)) }
        if !isDone {
          // A new task, whose failures are counted from zero: those of the next event.
          let delay = progress.failure == nil ? Duration.zero : configuration.firstRetry
          _ = try await transaction.query(
            outbox.waking(aggregate.aggregateType, aggregate.aggregateID, after: delay)
          )
        }
      }
    } catch let error as TaskQueueError where error.code == .leaseLost {
      // Another attempt has the rest; what was acknowledged it need not repeat.
      try await mark(progress.unmarked)
      throw error
    }
    return .settledInTransaction
  }

  /// One after another, until one fails or the time is up.
  private func deliver(_ events: [OutboxEvent]) async throws -> Progress {
    let start = ContinuousClock.now
    var lastMark = start
    var progress = Progress()
    for event in events where start.duration(to: .now) < OutboxPublisherConfiguration.batchTime {
      do { try await deliver(event) } catch {
        progress.failure = error
        return progress
      }
      progress.count += 1
      progress.unmarked.append(event)
      if lastMark.duration(to: .now) >= OutboxPublisherConfiguration.markInterval {
        try await mark(progress.unmarked)
        progress.unmarked = []
        lastMark = .now
      }
    }
    return progress
  }

  private func deliver(_ event: OutboxEvent) async throws {
    let (transport, limit) = (transport, configuration.deliveryTimeout)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await transport.deliver(event) }
      group.addTask {
        try await Task.sleep(for: limit)
        throw OutboxDeliveryTimedOut(limit: limit)
      }
      defer { group.cancelAll() }
      _ = try await group.next()
    }
  }

  /// Also for an attempt that was cancelled: what it delivered need not be delivered again.
  private func mark(_ events: [OutboxEvent]) async throws {
    if !events.isEmpty { _ = try await client.pool.queryUninterrupted(outbox.marking(events)) }
  }

  private func report(_ failure: any Error, of event: OutboxEvent, hasProgress: Bool, _ context: TaskContext) {
    // A task's first event is the same in all its failures.
    let failures = hasProgress ? 1 : context.failures + 1
    context.logger.log(
      level: failures >= configuration.warnsAfter ? .warning : .debug,
      "An event is not taken; its aggregate's events wait",
      metadata: [
        LogKey.aggregateType: "\(event.aggregateType)", LogKey.aggregateID: "\(event.aggregateID)",
        LogKey.eventID: "\(event.id)", LogKey.eventType: "\(event.type)", LogKey.failures: "\(failures)",
        LogKey.error: "\(failure)",
      ]
    )
  }
}
