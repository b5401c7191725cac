/// How a worker does: ``TaskWorker/health``.
///
/// ```swift
/// router.get("health/live") { _, _ in worker.health.isLive ? HTTPResponse.Status.ok : .serviceUnavailable }
/// router.get("health/ready") { _, _ in worker.health.isReady ? HTTPResponse.Status.ok : .serviceUnavailable }
/// ```
public struct WorkerHealth: Hashable, Sendable {
  /// What it does. States may be added in minor versions.
  public struct State: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// ``TaskWorker/run()`` was not called yet.
    public static let new = State("new")
    /// It has not reached the store yet.
    public static let starting = State("starting")
    /// It takes tasks, or waits for some.
    public static let ready = State("ready")
    /// The store did not answer the last of its calls, or with an error; it goes on by itself when the store is back.
    public static let storeUnreachable = State("storeUnreachable")
    /// A shutdown was asked for: it claims nothing any more, and its handlers finish.
    public static let draining = State("draining")
    /// ``TaskWorker/run()`` has returned or thrown.
    public static let ended = State("ended")
  }

  public var state: State
  /// Since the engine's thread has turned last, which it does at least every 5 s; before its first turn, since the worker was made.
  public var sinceTurn: Duration

  /// An engine that has not turned for so long hangs.
  public static let hangsAfter: Duration = .seconds(15)

  public init(state: State, sinceTurn: Duration) {
    self.state = state
    self.sinceTurn = sinceTurn
  }

  /// false: it hangs, or has ended; the process is to be started anew. A store that does not answer, and a shutdown, are no reason for that.
  public var isLive: Bool { state == .new || state != .ended && sinceTurn < Self.hangsAfter }
  /// It takes tasks if there are any: it is live, the store has answered the last of its calls, and no shutdown was asked for. A store that
  /// has gone silent shows after the limit of a call, a third of the lease or 10 s, and a second.
  public var isReady: Bool { state == .ready && isLive }
  /// It claims nothing any more, and lets its handlers finish.
  public var isDraining: Bool { state == .draining }
}
