public import Logging
public import ServiceLifecycle

/// Deletes what is past its retention, page by page, again and again.
///
/// ```swift
/// let purge = PeriodicPurge {
///   try await client.purgeEffects(olderThan: .seconds(90 * 86_400)) + inbox.purgeExpired()
/// }
/// ```
///
/// One per process or one in all: pages that another one works on are passed over.
public struct PeriodicPurge: Service {
  private let interval: Duration
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let purge: @Sendable () async throws -> Int

  /// - Parameters:
  ///   - interval: the wait after everything is deleted, or after a failure; 1 hour. Above zero.
  ///   - purge: deletes one page and returns how many rows; it is called until there are none.
  public init(
    interval: Duration = .seconds(3_600),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue"),
    purge: @escaping @Sendable () async throws -> Int
  ) {
    precondition(interval > .zero, "a periodic purge needs an interval above zero")
    self.interval = interval
    self.clock = clock
    self.logger = logger
    self.purge = purge
  }

  /// Purges until shut down or cancelled.
  public func run() async throws {
    await cancelWhenGracefulShutdown { await self.purgeAgainAndAgain() }
  }

  private func purgeAgainAndAgain() async {
    while !Task.isCancelled {
      do {
        while !Task.isCancelled, try await purge() > 0 {}
      } catch {
        if !Task.isCancelled {
          logger.warning("A purge failed; it is tried again", metadata: [LogKey.error: "\(error)"])
        }
      }
      try? await clock.sleep(for: interval)
    }
  }
}
