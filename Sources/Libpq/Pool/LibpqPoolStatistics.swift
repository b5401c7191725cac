/// What a ``LibpqPool`` is doing, and what waiting for it has cost.
public struct LibpqPoolStatistics: Sendable, Hashable {
  /// Connections that are open and free.
  public var idle: Int
  /// Connections in use, or being opened.
  public var lent: Int
  /// Callers that wait for a connection.
  public var waiting: Int
  /// Waits that have ended, however, since the pool was made. A caller that got its connection at once is none.
  public var waits: Int
  /// The time that these waits took together.
  public var waitTime: Duration
  /// How many of these waits ended without a connection because their time was over.
  public var acquireTimeouts: Int
}
