import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// A worker whose flows have children: it notes each child's runs, and what its parent got, in tables of `public`.
enum GroupCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(50)))
    try handlers.register(CrashParent.self, options: options) { parent, context in
      let one = try await context.child("one", CrashChild(parent: parent.number, number: 0))
      let children = try await context.children(
        "many",
        (1...20).map { CrashChild(parent: parent.number, number: $0) },
        atMost: 5
      )
      let values = try await children.results(as: Int64.self).compactMap { try? $0.result.get() }
      let sum = try await values.reduce(0, +) + one.value(as: Int64.self)
      return try .completed(result: sum)
    }
    try handlers.register(CrashChild.self, options: options) { child, context in
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
      try await store.pool.query(
        "INSERT INTO public.ran VALUES ($1, $2, $3)",
        [.int8(child.parent), .int8(Int64(child.number)), .int8(context.id.rawValue)]
      )
      if child.number == 7 { return .discard(reason: "seven") }
      return try .completed(result: child.parent * 100 + Int64(child.number))
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(900)) {
      $0.maxCrashes = 1_000
      $0.concurrency = 20
    }
  }
}

struct CrashParent: TaskPayload {
  static let taskType: TaskType = "test.crash-parent"
  static let taskDefaults = TaskDefaults<Self>(retain: .seconds(3_600))
  var number: Int64
}

struct CrashChild: TaskPayload {
  static let taskType: TaskType = "test.crash-child"
  var parent: Int64
  var number: Int
}
