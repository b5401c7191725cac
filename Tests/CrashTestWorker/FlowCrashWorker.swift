import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// A worker whose flows note what they do in `public.done`: each step's value, each transaction, the event, the undoing.
enum FlowCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let client = TaskClient(store: store)
    var handlers = TaskHandlers()
    try handlers.register(CrashFlow.self, options: .init(retry: .fixed(.milliseconds(50)))) { flow, context in
      var sum = 0
      for number in 1...3 {
        let value = try await context.step("s", number) {
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
          return Int.random(in: 1...1_000_000)
        }
        sum += value
        // Whatever this attempt has seen of a step, every other one has to see.
        try await store.pool.query(
          "INSERT INTO public.seen VALUES ($1, $2, $3)",
          [.int8(flow.number), .int8(Int64(number)), .int8(Int64(value))]
        )
      }
      try await context.onFailure("hold") {
        try await store.pool.query("INSERT INTO public.undone VALUES ($1)", [.int8(flow.number)])
      }
      try await context.transaction("hold", on: client) { transaction in
        try await transaction.query("INSERT INTO public.held VALUES ($1)", [.int8(flow.number)])
        return true
      }
      try await context.sleep("nap", for: .milliseconds(Int.random(in: 1...200)))
      let word = try await context.event("go/\(flow.number)", as: String.self)
      if word == "stop" { return .discard(reason: "stop") }
      try await client.withCompletion(of: context) { transaction in
        _ = try await transaction.query("INSERT INTO public.completed VALUES ($1)", [.int8(flow.number)])
      }
      return .settledInTransaction
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(900)) {
      $0.maxCrashes = 1_000
      $0.concurrency = 20
    }
  }
}

struct CrashFlow: TaskPayload {
  static let taskType: TaskType = "test.crash-flow"
  var number: Int64
}
