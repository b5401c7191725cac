/// Cuts a sequence into batches and stores each while the next one is gathered: at most two batches are in memory, and the source waits for
/// the store.
struct EnqueueStream<Elements: AsyncSequence> {
  typealias Store = @Sendable ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]

  /// Bounds of one batch: enough for COPY to be at its best, little enough for memory.
  static var maxBatchTasks: Int { 10_000 }
  static var maxBatchBytes: Int { 8 * 1024 * 1024 }

  private let encode: (Elements.Element) throws(TaskQueueError) -> NewTask
  private let store: Store
  private let readsAhead: Bool

  /// - Parameters:
  ///   - readsAhead: Whether to read from the source while a batch is being stored.
  ///   - store: Stores all tasks of a batch or none.
  init(
    readsAhead: Bool,
    encode: @escaping (Elements.Element) throws(TaskQueueError) -> NewTask,
    store: @escaping Store
  ) {
    self.readsAhead = readsAhead
    self.encode = encode
    self.store = store
  }

  /// - Returns: how many tasks were stored.
  func run(
    _ elements: Elements,
    onProgress: (EnqueueProgress) async throws -> Void
  ) async throws(EnqueueStreamError) -> Int {
    var iterator = elements.makeAsyncIterator()
    var progress = EnqueueProgress()
    do {
      var batch = try await nextBatch(&iterator)
      while !batch.isEmpty {
        // A cancelled task's source often just ends.
        try Task.checkCancellation()
        let store = store
        let sending = batch
        async let results = store(sending)
        if !readsAhead { _ = try? await results }
        var upcoming: Result<[NewTask], any Error>
        do { upcoming = .success(try await nextBatch(&iterator)) } catch { upcoming = .failure(error) }
        // The source's error has to wait: what is under way counts first.
        let stored: [EnqueueResult]
        do { stored = try await results } catch let error as TaskQueueError {
          guard error.code == .outcomeUnknown else { throw error }
          throw EnqueueStreamError(
            storedCount: progress.storedCount,
            uncertainCount: sending.count,
            underlying: error
          )
        }
        progress.storedCount += stored.count
        progress.batchCount += 1
        progress.lastBatch = stored
        try await onProgress(progress)
        batch = try upcoming.get()
      }
      try Task.checkCancellation()
      return progress.storedCount
    } catch let error as EnqueueStreamError {
      throw error
    } catch {
      throw EnqueueStreamError(storedCount: progress.storedCount, underlying: error)
    }
  }

  private func nextBatch(_ iterator: inout Elements.AsyncIterator) async throws -> [NewTask] {
    var batch: [NewTask] = []
    var bytes = 0
    // One payload more than the bound at most.
    while batch.count < Self.maxBatchTasks, bytes < Self.maxBatchBytes,
      let element = try await iterator.next(isolation: #isolation)
    {
      let task = try encode(element)
      bytes += task.payload.count
      batch.append(task)
    }
    return batch
  }
}

/// How far a streaming enqueue has come; one per stored batch.
public struct EnqueueProgress: Hashable, Sendable {
  /// Tasks of the stream that are stored: its first ones, in order. Resume behind them.
  public internal(set) var storedCount = 0
  /// Batches stored.
  public internal(set) var batchCount = 0
  /// What became of the last batch's tasks, in order.
  public internal(set) var lastBatch: [EnqueueResult] = []
}

/// Why a streaming enqueue ended before its source did, and what of it is stored.
public struct EnqueueStreamError: Error, Sendable, CustomStringConvertible {
  /// The first tasks of the stream, so many, are stored. In a caller's transaction: if that commits, which it should not.
  public var storedCount: Int
  /// So many tasks behind those may or may not be stored, all of them or none: the connection broke during their commit. 0: nothing else
  /// is stored, and going on behind ``storedCount`` stores nothing twice.
  public var uncertainCount: Int
  /// What the source, an encoding, the store or the progress callback threw; `CancellationError` if the task was cancelled.
  public var underlying: any Error

  public init(storedCount: Int, uncertainCount: Int = 0, underlying: any Error) {
    self.storedCount = storedCount
    self.uncertainCount = uncertainCount
    self.underlying = underlying
  }

  public var description: String {
    let uncertain = uncertainCount > 0 ? ", \(uncertainCount) more perhaps" : ""
    return "The stream ended early; \(storedCount) tasks are stored\(uncertain). \(underlying)"
  }
}
