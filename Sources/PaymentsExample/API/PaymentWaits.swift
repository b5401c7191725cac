import Libpq
import NIOCore
import ServiceLifecycle
import Synchronization

/// Tells requests that wait for payments when these are final, or stopped for a person.
///
/// One query for all of them in turns, however many wait; none while nobody does. It uses a connection of the pool for as long as it takes, and
/// waiting uses none. The pause before the next look grows with the time that the latest one has waited, from ``shortestPause`` to ``longestPause``.
final class PaymentWaits: Service {
  static let shortestPause = Duration.milliseconds(25)
  static let longestPause = Duration.milliseconds(250)

  private struct Waiter {
    var payment: PaymentID
    var since: ContinuousClock.Instant
    /// Finished: the wait is over, for whatever reason.
    var signal: AsyncStream<Void>.Continuation
  }

  private struct State {
    var waiters: [UInt64: Waiter] = [:]
    var last: UInt64 = 0
  }

  private let pool: LibpqPool
  private let maxWaiters: Int
  private let state = Mutex(State())
  /// Wakes the one who looks. One signal is enough for many.
  private let arrivals = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  /// - Parameter maxWaiters: The most that wait at one time; the next ones are answered at once.
  init(pool: LibpqPool, maxWaiters: Int) {
    self.pool = pool
    self.maxWaiters = maxWaiters
  }

  var count: Int { state.withLock { $0.waiters.count } }

  /// Waits until the payment is final or stopped, the time is over, the client has gone away, or the server shuts down.
  /// - Returns: whether it waited; false: too many do.
  func wait(for payment: PaymentID, atMost time: Duration, client: (any Channel)?) async -> Bool {
    let (over, signal) = AsyncStream<Void>.makeStream()
    let number: UInt64? = state.withLock { state in
      guard state.waiters.count < maxWaiters else { return nil }
      state.last += 1
      state.waiters[state.last] = Waiter(payment: payment, since: .now, signal: signal)
      return state.last
    }
    guard let number else { return false }
    defer { state.withLock { _ = $0.waiters.removeValue(forKey: number) } }
    arrivals.continuation.yield()
    let departure = Departure(signal)
    // Fails if the client is gone already.
    do { try await client?.pipeline.addHandler(departure, position: .first) } catch { return true }
    await withGracefulShutdownHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await Task.sleep(for: time) }
        group.addTask { for await _ in over {} }
        await group.next()
        group.cancelAll()
      }
    } onGracefulShutdown: {
      signal.finish()
    }
    try? await client?.pipeline.removeHandler(departure)
    return true
  }

  /// Looks for as long as somebody waits, until it is cancelled or shut down.
  func run() async {
    await cancelWhenGracefulShutdown {
      for await _ in self.arrivals.stream {
        while let pause = self.pause() {
          guard (try? await Task.sleep(for: pause)) != nil else { return }
          // The database may be away for a while. Who waits has a limit anyway.
          try? await self.look()
        }
      }
    }
  }

  /// nil: nobody waits.
  private func pause() -> Duration? {
    let latest = state.withLock { $0.waiters.values.map(\.since).max() }
    return latest.map { min(max((.now - $0) / 4, Self.shortestPause), Self.longestPause) }
  }

  private func look() async throws {
    let payments = state.withLock { Set($0.waiters.values.map(\.payment)) }
    let statement = LibpqStatement(
      "SELECT id, status, stop_reason IS NOT NULL FROM payments.payment WHERE id = ANY ($1)",
      [.ids(Array(payments))],
      name: "payments_waits"
    )
    var over: Set<PaymentID> = []
    for row in try await pool.query(statement).rows {
      if try PaymentStatus(rawValue: row.text(1)).isFinal || row.bool(2) { over.insert(try row.id(0)) }
    }
    guard !over.isEmpty else { return }
    state.withLock { state in
      for waiter in state.waiters.values where over.contains(waiter.payment) { waiter.signal.finish() }
    }
  }
}

/// Ends a wait when its client has gone away, or sends no more: who wants an answer keeps the connection open both ways.
private final class Departure: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = Any

  private let signal: AsyncStream<Void>.Continuation

  init(_ signal: AsyncStream<Void>.Continuation) {
    self.signal = signal
  }

  func channelInactive(context: ChannelHandlerContext) {
    signal.finish()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { signal.finish() }
    context.fireUserInboundEventTriggered(event)
  }
}
