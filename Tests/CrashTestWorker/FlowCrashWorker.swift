import Foundation
import Libpq
import Synchronization
import TaskQueue
import TaskQueuePostgres

/// A worker whose flows of eight steps note what they do: each value that they see, each transaction, each call, each undoing.
enum FlowCrashWorker {
  /// - Parameter last: which await of its handlers it does not survive, counted from 1 by this process; nil: it survives them.
  static func run(_ database: LibpqConfiguration, queue: QueueName = .default, killedAt last: Int? = nil) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let client = TaskClient(store: store)
    let pid = Int64(ProcessInfo.processInfo.processIdentifier)
    let passes = Atomic(0)
    @Sendable func pass() {
      if passes.add(1, ordering: .relaxed).newValue == last { kill(getpid(), SIGKILL) }
    }
    // Whatever this attempt has seen, every other one has to see. One that has lost its task has seen nothing.
    @Sendable func note(_ table: String, _ flow: CrashFlow, _ value: Int64, _ context: TaskContext) async throws {
      pass()
      try await store.pool.query(
        """
        INSERT INTO public.\(table) SELECT $1, $2, $3 FROM taskqueue.task
        WHERE id = $4 AND lease_token = $5 AND lease_until > clock_timestamp()
        """,
        [
          .int8(flow.number), .int8(value), .int8(pid), .int8(context.id.rawValue), .int8(context.claim.token),
        ]
      )
      pass()
    }
    var handlers = TaskHandlers()
    try handlers.register(CrashFlow.self, options: .init(retry: .fixed(.milliseconds(50)))) { flow, context in
      for number in 1...2 {
        pass()
        let value = try await context.step("s", number) {
          pass()
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
          pass()
          return Int64.random(in: 1...1_000_000)
        }
        try await note("seen_\(number)", flow, value, context)
      }
      try await context.onFailure("first") { try await note("undone", flow, 1, context) }
      pass()
      let options = EffectOptions(callLimit: .seconds(2))
      let charged = try await context.effects.perform("charge", request: flow.number, options: options) { call in
        try await note("charged", flow, flow.number, context)
        return call.key.rawValue
      } reconcile: { call in
        pass()
        let found = try await store.pool.query(
          "SELECT count(*) FROM public.charged WHERE flow = $1",
          [.int8(flow.number)]
        )
        pass()
        return try found[0].int8(0) > 0 ? .happened(call.key.rawValue) : .didNotHappen
      }
      pass()
      try await context.onFailure("second") { try await note("undone", flow, charged.isEmpty ? 0 : 2, context) }
      pass()
      try await context.transaction("hold", on: client) { transaction in
        pass()
        try await transaction.query("INSERT INTO public.held VALUES ($1)", [.int8(flow.number)])
        pass()
        return true
      }
      pass()
      try await context.sleep("nap", for: .milliseconds(Int.random(in: 1...200)))
      pass()
      var word = "stop"
      do { word = try await context.event("go/\(flow.number)", as: String.self, timeout: flow.timeout) } catch let error
        as FlowError where error.code == .timedOut
      {
        try await note("timed_out", flow, 1, context)
      }
      pass()
      if word == "stop" { return .discard(reason: "stop") }
      try await client.withCompletion(of: context) { transaction in
        pass()
        _ = try await transaction.query("INSERT INTO public.completed VALUES ($1)", [.int8(flow.number)])
        pass()
      }
      pass()
      return .settledInTransaction
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(last == nil ? 2_000 : 500)) {
      $0.queues = [queue]
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
