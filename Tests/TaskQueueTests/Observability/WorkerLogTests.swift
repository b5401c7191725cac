import Foundation
import Logging
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("What a worker tells")
struct WorkerLogTests {
  private struct Line: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata
  }

  /// Keeps what is logged.
  private struct Recorder: LogHandler {
    let lines: Journal<Line>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.append(Line(level: event.level, message: "\(event.message)", metadata: event.metadata ?? [:]))
    }
  }

  private struct Dated: TaskPayload {
    static let taskType: TaskType = "dated"
    var at: Date
  }

  private static let secret = "4111-1111"

  /// Runs a worker on what `prepare` has enqueued until nothing is due, and returns its lines above debug.
  private func lines(_ prepare: (InMemoryTaskStore) async throws -> Void) async throws -> [Line] {
    let store = InMemoryTaskStore()
    try await prepare(store)
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: .init(retry: .fixed(.milliseconds(1)), maxAttempts: 2)) { ping, _ in
      if ping.number < 0 { return .completed }
      throw HandlerFailure()
    }
    try handlers.register(Pong.self) { _, _ in .discard(reason: "no such account") }
    try handlers.register(Dated.self, options: .init(maxAttempts: 1)) { _, _ in .completed }
    let journal = Journal<Line>()
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: quickConfiguration { $0.maintenanceInterval = .milliseconds(50) },
      logger: Logger(label: "worker") { _ in Recorder(lines: journal) }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      try await eventually("all is done") {
        try await store.counts().allSatisfy { $0.type.rawValue.hasPrefix("tenant-") }
      }
      // Some looks for maintenance.
      try await Task.sleep(for: .milliseconds(300))
      worker.shutDown()
      try await group.waitForAll()
    }
    let told = journal.entries.filter { $0.level > .debug }
    #expect(!told.contains { "\($0.message) \($0.metadata)".contains(Self.secret) }, "no payload in any line")
    return told
  }

  @Test(
    "A failed attempt is told with its error, its number and the time until the next; the last one with the dead letter"
  )
  func failures() async throws {
    let lines = try await lines { store in
      try await TaskClient(store: store).enqueue(Ping(number: 1), options: .with { $0.headers = ["card": Self.secret] })
    }
    #expect(lines.map(\.level) == [.warning, .warning, .error])
    #expect(lines.allSatisfy { $0.metadata["error"] == "the provider is down" && $0.metadata["task_id"] == "1" })
    #expect(lines.prefix(2).map { $0.metadata["attempt"] } == ["1", "2"])
    #expect(lines.map { $0.metadata["wait"] != nil } == [true, false, false])
    #expect(lines.last?.metadata["reason"] == "failed")
  }

  @Test(
    "A payload that cannot be decoded is told with what is wrong, not with what it holds",
    arguments: [
      #"{"at": "\#(secret)"}"#, #"{"name": "\#(secret)"}"#, #"["\#(secret)"]"#,
    ]
  )
  func undecodable(payload: String) async throws {
    let lines = try await lines { store in
      _ = try await store.enqueue([NewTask(type: Dated.taskType, json: Data(payload.utf8))])
    }
    #expect(lines.map(\.level) == [.warning, .error])
    #expect(lines.first.map { "\($0.metadata)".contains("cannot be decoded") } == true)
  }

  @Test("What is discarded is told once; what is well is not told at all")
  func others() async throws {
    let lines = try await lines { store in
      let client = TaskClient(store: store)
      try await client.enqueue(all: Array(repeating: Ping(number: -1), count: 50))
      try await client.enqueue(Pong(text: Self.secret))
    }
    #expect(lines.count == 1)
    #expect(lines.first?.metadata["detail"] == "no such account")
  }

  @Test("Many of a kind are one line and a sum", arguments: [2, 50, 1_000])
  func sums(count: Int) async throws {
    let lines = try await lines { store in
      try await TaskClient(store: store).enqueue(all: Array(repeating: Pong(text: Self.secret), count: count))
    }
    #expect(lines.count <= 3)
    #expect(lines.reduce(0) { sum, line in sum + (line.metadata["count"].flatMap { Int("\($0)") } ?? 1) } == count)
  }

  @Test(
    "Types without a handler are one line with ten names and their number, whatever their number",
    arguments: [1, 300]
  )
  func unknownTypes(count: Int) async throws {
    let lines = try await lines { store in
      _ = try await store.enqueue(
        (0..<count).map { try NewTask(type: TaskType("tenant-\($0)"), json: Data("{}".utf8)) }
      )
    }
    #expect(lines.count <= 2, "one, and what came later in a sum")
    #expect(lines.first?.metadata["count"] == "\(count)")
    guard case .array(let names) = lines.first?.metadata["task_types"] else {
      Issue.record("no names")
      return
    }
    #expect(names.count == min(count, 10))
  }
}
