@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Calls about all dead letters end")
struct RedriveTests {
  private static let count = 2 * Limits.page + 500

  /// A store in which a worker buries all that lives, at once.
  private func withGraveyard(_ body: (TaskClient<InMemoryTaskStore>, Journal<TaskID>) async throws -> Void) async throws
  {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let runs = Journal<TaskID>()
    try await client.enqueue(all: (0..<Self.count).map { Ping(number: $0) })
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, context in
        runs.append(context.id)
        return .discard(reason: "still no good")
      }
    } _: { _ in
      try await eventually("all are buried") { try await client.counts().isEmpty }
      try await body(client, runs)
    }
  }

  @Test(
    "S40 Each is redriven once, although a worker buries them again meanwhile",
    arguments: [DeadLetterFilter.all, .init(type: Ping.taskType), .init(olderThan: .zero)]
  )
  func redrive(_ filter: DeadLetterFilter) async throws {
    try await withGraveyard { client, runs in
      let ids = try await client.redrive(filter)
      #expect(ids.count == Self.count && Set(ids).count == Self.count)
      try await eventually("all are buried again") { try await client.counts().isEmpty }
      #expect(runs.entries.count == 2 * Self.count)
    }
  }

  @Test("S40 All are purged, and what is buried meanwhile stays", arguments: [true, false])
  func purge(byType: Bool) async throws {
    try await withGraveyard { client, _ in
      let purged = try await client.purge(byType ? .init(type: Ping.taskType) : .all)
      #expect(purged == Self.count)
      #expect(try await client.deadLetters().isEmpty)
      #expect(try await client.redrive(.all).isEmpty)
    }
  }
}
