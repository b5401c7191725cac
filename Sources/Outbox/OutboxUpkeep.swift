public import Libpq
public import Logging
public import ServiceLifecycle
import TaskQueue

/// Finds events that nobody publishes, and removes those that were published long ago, now and then.
///
/// An event is written together with its task. It loses it if a person cancels the task, if that is put aside because it took down its
/// worker too often, or by a restore. One service per process or one in all: what several of them do at once is done once. The pool's role
/// needs what a worker's does.
public struct OutboxUpkeep: Service {
  private let outbox: EventOutbox
  private let pool: LibpqPool
  private let interval: Duration
  private let recoveryAge: Duration
  private let retention: Duration
  private let clock: any Clock<Duration>
  private let logger: Logger

  /// - Parameters:
  ///   - interval: the wait between two looks; 1 minute. Above zero.
  ///   - recoveryAge: events that wait longer are looked after; 5 minutes.
  ///   - retention: how long published events are kept; 7 days. In ``OutboxMode/log`` from their commit on: longer than the log's
  ///     reader is ever behind.
  public init(
    _ outbox: EventOutbox,
    pool: LibpqPool,
    interval: Duration = .seconds(60),
    recoveryAge: Duration = .seconds(300),
    retention: Duration = .seconds(7 * 86_400),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue")
  ) {
    precondition(interval > .zero, "the upkeep of an outbox needs an interval above zero")
    self.outbox = outbox
    self.pool = pool
    self.interval = interval
    self.recoveryAge = recoveryAge
    self.retention = retention
    self.clock = clock
    self.logger = logger
  }

  /// Looks until shut down or cancelled.
  public func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do { try await tend() } catch {
          if !Task.isCancelled {
            logger.warning("The upkeep of an outbox failed; it is tried again", metadata: [LogKey.error: "\(error)"])
          }
        }
        try? await clock.sleep(for: interval)
      }
    }
  }

  /// All pages of both.
  private func tend() async throws {
    var recovered = 0
    while !Task.isCancelled {
      let page = try await outbox.recover(longerThan: recoveryAge, in: pool)
      recovered += page
      if page < EventOutbox.page { break }
    }
    if recovered > 0 {
      logger.warning("Events waited without a task; they have one again", metadata: [LogKey.aggregates: "\(recovered)"])
    }
    while !Task.isCancelled, try await outbox.purge(olderThan: retention, in: pool) == EventOutbox.page {}
  }
}
