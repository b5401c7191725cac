/// How far a streaming enqueue has come; one per stored batch.
public struct EnqueueProgress: Hashable, Sendable {
  /// Tasks of the stream that are stored: its first ones, in order. Resume behind them.
  public internal(set) var storedCount = 0
  /// Batches stored.
  public internal(set) var batchCount = 0
  /// What became of the last batch's tasks, in order.
  public internal(set) var lastBatch: [EnqueueResult] = []
}
