import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Streaming enqueue")
struct EnqueueStreamTests {
  struct SourceFailure: Error {}

  /// Notes that are made when they are asked for.
  struct Notes: AsyncSequence, AsyncIteratorProtocol, Sendable {
    var count: Int
    var bytes = 0
    var failsAtEnd = false
    var onRead: @Sendable (Int) -> Void = { _ in }
    private var position = 0

    init(
      _ count: Int,
      bytes: Int = 0,
      failsAtEnd: Bool = false,
      onRead: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
      self.count = count
      self.bytes = bytes
      self.failsAtEnd = failsAtEnd
      self.onRead = onRead
    }

    func makeAsyncIterator() -> Notes { self }

    mutating func next() async throws -> Note? {
      guard position < count else {
        if failsAtEnd { throw SourceFailure() }
        return nil
      }
      position += 1
      onRead(position)
      return Note(text: "\(position)" + String(repeating: "x", count: bytes))
    }
  }

  @Test("A stream is stored in its order, batch by batch, and says how far it is")
  func stream() async throws {
    try await withStore { store in
      var progress: [EnqueueProgress] = []
      let stored = try await TaskClient(store: store).enqueue(
        streaming: Notes(25_000),
        options: .with { $0.priority = 7 }
      ) {
        progress.append($0)
        let count1 = try await store.taskCount()
        #expect(count1 >= $0.storedCount)
      }
      #expect(stored == 25_000)
      #expect(progress.map(\.storedCount) == [10_000, 20_000, 25_000])
      #expect(progress.map(\.batchCount) == [1, 2, 3])
      let rows = try await store.pool.query("SELECT id, payload ->> 'text', priority FROM taskqueue.task ORDER BY id")
        .rows
      let texts = try rows.map { try $0.text(1) }
      let ids = try rows.map { try $0.int8(0) }
      let priorities = Set(try rows.map { try $0.int8(2) })
      #expect(texts == (1...25_000).map(String.init))
      #expect(ids == progress.flatMap(\.lastBatch).map(\.id.rawValue))
      #expect(priorities == [7])
      #expect(try await TaskClient(store: store).enqueue(streaming: Notes(0)) == 0)
    }
  }

  @Test("The in-memory store streams alike")
  func inMemory() async throws {
    let store = InMemoryTaskStore()
    #expect(try await TaskClient(store: store).enqueue(streaming: Notes(12_345)) == 12_345)
    #expect(try await store.counts().map(\.count) == [12_345])
  }

  @Test("Big payloads make small batches, and the source is read one batch ahead at most")
  func bounds() async throws {
    try await withStore { store in
      let read = Atomic<Int>(0)
      let notes = Notes(40, bytes: 1_000_000) { read.store($0, ordering: .relaxed) }
      var sizes: [Int] = []
      _ = try await TaskClient(store: store).enqueue(streaming: notes) { progress in
        sizes.append(progress.lastBatch.count)
        // The batch before, this one, and the next one at most.
        #expect(read.load(ordering: .relaxed) <= progress.storedCount + 9)
      }
      #expect(sizes == [9, 9, 9, 9, 4])
      let count2 = try await store.taskCount()
      #expect(count2 == 40)
    }
  }

  @Test(
    "When the source, a payload or the callback fails, the error says what is stored, and going on behind it completes the stream"
  )
  func failures() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let bySource = await #expect(throws: EnqueueStreamError.self) {
        try await client.enqueue(streaming: Notes(23_000, failsAtEnd: true))
      }
      #expect(bySource?.storedCount == 20_000)
      #expect(bySource?.uncertainCount == 0)
      #expect(bySource?.underlying is SourceFailure)
      let count3 = try await store.taskCount()
      #expect(count3 == 20_000)

      let byCallback = await #expect(throws: EnqueueStreamError.self) {
        try await client.enqueue(streaming: Notes(30_000)) { if $0.batchCount == 2 { throw SourceFailure() } }
      }
      #expect(byCallback?.storedCount == 20_000)
      let count4 = try await store.taskCount()
      #expect(count4 == 40_000)

      let byPayload = await #expect(throws: EnqueueStreamError.self) {
        try await client.enqueue(streaming: Notes(2, bytes: Limits.payloadBytes))
      }
      #expect(byPayload?.storedCount == 0)
      #expect((byPayload?.underlying as? TaskQueueError)?.code == .payloadTooLarge)
      let count5 = try await store.taskCount()
      #expect(count5 == 40_000)
    }
  }

  @Test("A batch that the server refuses is not stored, those before it are")
  func refusedBatch() async throws {
    try await withStore { store in
      let tasks = AsyncStream<NewTask> { continuation in
        for number in 0..<25_000 {
          let json = number == 15_000 ? "{" : "{}"
          if let task = try? NewTask(type: "note", json: Data(json.utf8)) { continuation.yield(task) }
        }
        continuation.finish()
      }
      let error = await #expect(throws: EnqueueStreamError.self) {
        try await TaskClient(store: store).enqueue(streaming: tasks)
      }
      #expect(error?.storedCount == 10_000)
      #expect((error?.underlying as? TaskQueueError)?.code == .encodingFailed)
      let count6 = try await store.taskCount()
      #expect(count6 == 10_000)
    }
  }

  @Test(
    "A cancelled stream ends between batches: what it reports is what is stored",
    arguments: [1, 9_999, 10_001, 27_000]
  )
  func cancellation(at position: Int) async throws {
    try await withStore { store in
      let task = Task {
        try await TaskClient(store: store).enqueue(
          streaming: Notes(100_000) { if $0 == position { withUnsafeCurrentTask { $0?.cancel() } } }
        )
      }
      let error = await #expect(throws: EnqueueStreamError.self) { try await task.value }
      let stored = try #require(error?.storedCount)
      #expect(error?.uncertainCount == 0)
      #expect(stored % 10_000 == 0 && stored <= position)
      let count7 = try await store.taskCount()
      #expect(count7 == stored)
    }
  }

  @Test("S11 In the app's transaction a stream is all or none, and its source may use the transaction")
  func inTransaction() async throws {
    try await withStore { store in
      await #expect(throws: EnqueueStreamError.self) {
        try await store.pool.withTransaction { transaction in
          _ = try await TaskClient(store: store).enqueue(streaming: Notes(15_000, failsAtEnd: true), in: transaction)
        }
      }
      let count8 = try await store.taskCount()
      #expect(count8 == 0)
      try await store.pool.withTransaction { transaction in
        var seen: [Int64] = []
        let stored = try await TaskClient(store: store).enqueue(streaming: Notes(15_000), in: transaction) { _ in
          seen.append(try await transaction.query("SELECT count(*) FROM taskqueue.task")[0].int8(0))
          let count9 = try await store.elsewhere { try await $0.taskCount() }
          #expect(count9 == 0)
        }
        #expect(stored == 15_000)
        #expect(seen == [10_000, 15_000])
      }
      let count10 = try await store.taskCount()
      #expect(count10 == 15_000)
    }
  }
}

extension PostgresTaskStore {
  fileprivate func taskCount() async throws -> Int { try await number("SELECT count(*) FROM taskqueue.task") }
}
