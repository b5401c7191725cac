import EmbeddedPostgres
import Foundation
import Libpq
import Testing

@testable import TaskQueueAdapter

/// The tests play the harness's part: they start replicas, order jobs, hold a snapshot, kill, and read the lines.
@Suite(.serialized)
struct AdapterRunTests {
  private static let required: Set<String> = [
    "claim_p50_ms", "claim_p95_ms", "claim_p99_ms", "enqueue_rate", "completion_rate", "queue_depth",
  ]

  @Test("The lines are the harness's, and they add up to the jobs that were ordered")
  func orders() async throws {
    try await withServer { server in
      let replica = try Replica(environment(server, ["PRODUCER_PACING": "harness", "TASKQUEUE_VERSION": "1.2.3"]))
      try await wait { replica.descriptor != nil }
      for _ in 0..<50 { try replica.order(20) }
      // More than one enqueue takes.
      try replica.order(300)
      try await wait { replica.jobs("completion_rate").rounded() >= 1_300 }
      try await wait { Set(replica.samples.map(\.metric)).isSuperset(of: Self.required) }
      #expect(try await replica.stop() == 0)

      let descriptor = try #require(replica.descriptor)
      #expect(descriptor.version == "1.2.3" && descriptor.databaseName == "postgres")
      #expect(Int(descriptor.schemaVersion) ?? 0 >= 9)
      let manifest = try Manifest.load()
      #expect(manifest.system == descriptor.system)
      #expect(Set(descriptor.eventTables).isSuperset(of: manifest.eventTables))
      #expect(Set(descriptor.extensions).isSuperset(of: manifest.extensions))
      try await expectExists(manifest.eventTables + manifest.eventIndexes, server)

      #expect(replica.strangers.isEmpty)
      #expect(replica.jobs("enqueue_rate").rounded() == 1_300)
      #expect(replica.jobs("completion_rate").rounded() == 1_300)
      for sample in replica.samples {
        #expect(sample.system == "taskqueue" && sample.kind == "adapter" && sample.subjectKind == "adapter")
        #expect(sample.value.isFinite && sample.value >= 0 && sample.instance == 0)
      }
      for time in Set(replica.samples.map(\.time)) {
        let values = replica.samples.filter { $0.time == time && $0.metric.hasPrefix("claim_") }.map(\.value)
        #expect(values == values.sorted())
      }
      #expect(try await tasks(server) == 0)
    }
  }

  @Test("A held snapshot and a killed replica lose no jobs, and its successor goes on")
  func heldSnapshotAndKill() async throws {
    try await withServer { server in
      let rate = FileManager.default.temporaryDirectory.appending(path: "rate-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: rate) }
      try "200".write(to: rate, atomically: true, encoding: .utf8)
      // What a killed replica holds must come back before the test ends.
      let settings = ["PRODUCER_RATE_CONTROL_FILE": rate.path, "LEASE_DEADLINE_MS": "1000"]
      func replica(_ instance: Int) throws -> Replica {
        try Replica(environment(server, settings.merging(["BENCH_INSTANCE_ID": "\(instance)"]) { $1 }))
      }
      let first = try replica(0)
      let second = try replica(1)
      try await wait { first.jobs("completion_rate") > 0 && second.jobs("completion_rate") > 0 }

      let holder = try await LibpqConnection.connect(LibpqConfiguration(server.connectionString))
      try await holder.executeScript("BEGIN; SELECT txid_current()")
      let before = second.jobs("completion_rate")
      try await first.kill()
      let successor = try replica(0)
      try await wait { successor.jobs("completion_rate") > 0 && second.jobs("completion_rate") > before }
      try await holder.executeScript("ROLLBACK")
      await holder.close()

      try "0".write(to: rate, atomically: true, encoding: .utf8)
      try await wait { try await tasks(server) == 0 }
      #expect(try await successor.stop() == 0)
      #expect(try await second.stop() == 0)
      let dead = try await query("SELECT count(*) FROM taskqueue.dead_letter", server)
      #expect(dead == 0)
      #expect(successor.descriptor?.instance == 0 && second.samples.allSatisfy { $0.instance == 1 })
      // What all replicas see alike is told by one.
      #expect(!second.samples.contains { $0.metric == "queue_depth" || $0.metric == "producer_target_rate" })
      #expect(successor.samples.contains { $0.metric == "queue_depth" })
    }
  }

  @Test("A depth is reached and kept, over several queues")
  func depth() async throws {
    try await withServer { server in
      let replica = try Replica(
        environment(
          server,
          [
            "PRODUCER_MODE": "depth-target", "TARGET_DEPTH": "100", "JOB_WORK_MS": "20", "WORKER_COUNT": "2",
            "BENCH_QUEUE_COUNT": "3",
          ]
        )
      )
      try await wait { replica.jobs("completion_rate") > 20 }
      let queues = try await query("SELECT count(DISTINCT queue) FROM taskqueue.live_task", server)
      #expect(queues == 3)
      #expect(try await replica.stop() == 0)
      let left = try await tasks(server)
      // A batch more than the depth and what is claimed, at most.
      #expect(left > 0 && left < 2_500)
    }
  }

  @Test("An environment that can't be meant is refused on standard error alone")
  func refusal() async throws {
    let replica = try Replica(["DATABASE_URL": "", "SCENARIO": "long_horizon"])
    #expect(try await replica.exit() == 64)
    #expect(replica.descriptor == nil && replica.samples.isEmpty && replica.strangers.isEmpty)
  }

  @Test("A server that is away is told of on standard error, before the run and during it")
  func outage() async throws {
    try await withServer { server in
      let replica = try Replica(environment(server, [:]))
      try await wait { replica.jobs("completion_rate") > 0 }
      server.kill()
      #expect(try await replica.stop() == 0)
      #expect(replica.strangers.isEmpty)
      let late = try Replica(environment(server, [:]))
      #expect(try await late.exit() == 1)
      #expect(late.descriptor == nil && late.strangers.isEmpty)
    }
  }

  private func withServer(_ body: (EmbeddedPostgres) async throws -> Void) async throws {
    let server = try await EmbeddedPostgres.start()
    do { try await body(server) } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  private func environment(_ server: EmbeddedPostgres, _ more: [String: String]) -> [String: String] {
    [
      "DATABASE_URL": server.connectionString, "SCENARIO": "long_horizon", "PRODUCER_MODE": "fixed",
      "PRODUCER_RATE": "100", "SAMPLE_EVERY_S": "1", "WORKER_COUNT": "8",
    ].merging(more) { $1 }
  }

  private func tasks(_ server: EmbeddedPostgres) async throws -> Int {
    try await query("SELECT count(*) FROM taskqueue.live_task", server)
  }

  private func expectExists(_ relations: [String], _ server: EmbeddedPostgres) async throws {
    for relation in relations {
      let count = try await query("SELECT count(to_regclass('\(relation)'))", server)
      #expect(count == 1, "\(relation) is not there")
    }
  }

  private func query(_ sql: String, _ server: EmbeddedPostgres) async throws -> Int {
    let connection = try await LibpqConnection.connect(LibpqConfiguration(server.connectionString))
    let count = Int(try await connection.query(LibpqStatement(sql, []))[0].int8(0))
    await connection.close()
    return count
  }
}

/// `adapter.json`, which the harness reads before it starts anything.
struct Manifest: Codable {
  var system: String
  var eventTables: [String]
  var eventIndexes: [String]
  var extensions: [String]

  enum CodingKeys: String, CodingKey {
    case system, extensions
    case eventTables = "event_tables"
    case eventIndexes = "event_indexes"
  }

  static func load() throws -> Manifest {
    var folder = URL(filePath: #filePath)
    for _ in 0..<3 { folder.deleteLastPathComponent() }
    return try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: folder.appending(path: "adapter.json")))
  }
}
