import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// A worker whose flows of eight steps note what they do: each value that they see, each transaction, each call, each undoing.
enum FlowCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let client = TaskClient(store: store)
    let pid = Int64(ProcessInfo.processInfo.processIdentifier)
    // Whatever this attempt has seen, every other one has to see. One that has lost its task has seen nothing.
    @Sendable func note(_ table: String, _ flow: CrashFlow, _ value: Int64, _ context: TaskContext) async throws {
      try await store.pool.query(
        """
        INSERT INTO public.\(table) SELECT $1, $2, $3 FROM taskqueue.task
        WHERE id = $4 AND lease_token = $5 AND lease_until > clock_timestamp()
        """,
        [
          .int8(flow.number), .int8(value), .int8(pid), .int8(context.id.rawValue), .int8(context.claim.token),
        ]
      )
    }
    var handlers = TaskHandlers()
    try handlers.register(CrashFlow.self, options: .init(retry: .fixed(.milliseconds(50)))) { flow, context in
      for number in 1...2 {
        let value = try await context.step("s", number) {
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
          return Int64.random(in: 1...1_000_000)
        }
        try await note("seen_\(number)", flow, value, context)
      }
      try await context.onFailure("first") { try await note("undone", flow, 1, context) }
      let charged = try await context.effects.perform("charge", request: flow.number) { call in
        try await note("charged", flow, flow.number, context)
        return call.key.rawValue
      } reconcile: { call in
        let found = try await store.pool.query(
          "SELECT count(*) FROM public.charged WHERE flow = $1",
          [.int8(flow.number)]
        )
        return try found[0].int8(0) > 0 ? .happened(call.key.rawValue) : .didNotHappen
      }
      try await context.onFailure("second") { try await note("undone", flow, charged.isEmpty ? 0 : 2, context) }
      try await context.transaction("hold", on: client) { transaction in
        try await transaction.query("INSERT INTO public.held VALUES ($1)", [.int8(flow.number)])
        return true
      }
      try await context.sleep("nap", for: .milliseconds(Int.random(in: 1...200)))
      var word = "stop"
      do { word = try await context.event("go/\(flow.number)", as: String.self, timeout: flow.timeout) } catch let error
        as FlowError where error.code == .timedOut
      {
        try await note("timed_out", flow, 1, context)
      }
      if word == "stop" { return .discard(reason: "stop") }
      try await client.withCompletion(of: context) { transaction in
        _ = try await transaction.query("INSERT INTO public.completed VALUES ($1)", [.int8(flow.number)])
      }
      return .settledInTransaction
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(2_000)) {
      $0.maxCrashes = 1_000
      $0.concurrency = 50
    }
  }
}

struct CrashFlow: TaskPayload {
  static let taskType: TaskType = "test.crash-flow"
  var number: Int64

  /// Nobody emits the event of every fourth flow.
  var timeout: Duration? { number % 4 == 0 ? .milliseconds(200) : nil }
}
