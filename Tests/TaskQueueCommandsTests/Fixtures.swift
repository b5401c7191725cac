import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

struct Trip: TaskPayload {
  static let taskType: TaskType = "trip"
  var city: String
}

extension TestDatabase {
  /// One statement on a connection of its own.
  @discardableResult
  func query(_ sql: String, _ parameters: [LibpqValue] = []) async throws -> LibpqResult {
    let connection = try await LibpqConnection.connect(postgresConfiguration)
    let result = try await connection.query(LibpqStatement(sql, parameters))
    await connection.close()
    return result
  }

  /// Its owner closes the store.
  func client() throws -> TaskClient<PostgresTaskStore> {
    TaskClient(store: try PostgresTaskStore(.init(postgresConfiguration)))
  }

  /// Tasks that are due, in the queue mail.
  func fill(mail count: Int) async throws {
    try await query("SELECT taskqueue.enqueue('mail.send', '{}', queue => 'mail') FROM generate_series(1, \(count))")
  }

  func enqueue(_ type: String, queue: String = "default") async throws -> Int64 {
    try await query("SELECT taskqueue.enqueue($1, '{}', queue => $2)", [.text(type), .text(queue)])[0].int8(0)
  }

  /// A dead letter with an error in its history.
  @discardableResult
  func bury(type: String, error: String, payload: String = "{}") async throws -> Int64 {
    let errors = String(
      decoding: try JSONEncoder().encode([
        TaskFailure(message: error, errorType: "ShopError", attempt: 1, at: 1_700_000_000)
      ]),
      as: UTF8.self
    )
    return try await query(
      """
      INSERT INTO taskqueue.dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload, errors)
      VALUES (nextval('taskqueue.task_id_seq'), 'default', $1, 100, 1, 1, 0, now() - interval '2 h', now() - interval '1 h', 'failed', $2::json, $3::jsonb)
      RETURNING id
      """,
      [.text(type), .text(payload), .text(errors)]
    )[0].int8(0)
  }

  /// An effect whose outcome nobody knows, of a dead letter.
  func doubt(_ name: String) async throws -> Int64 {
    let task = try await bury(type: "pay", error: "lost")
    try await query(
      """
      INSERT INTO taskqueue.effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at, intended_at, changed_at, reason)
      VALUES ($1, $2, 'pay', gen_random_uuid(), sha256('x'), 'unknown', 1, '1 s', now() - interval '2 h', now() - interval '2 h', now(), 'no answer')
      """,
      [.int8(task), .text(name)]
    )
    return task
  }

  /// Runs a worker beside the body.
  func work(_ handlers: TaskHandlers, _ body: () async throws -> Void) async throws {
    let store = try PostgresTaskStore(.init(postgresConfiguration))
    let worker = try TaskWorker(store: store, handlers: handlers)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      let result: Result<Void, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      worker.shutDown()
      try await group.waitForAll()
      try result.get()
    }
    await store.close()
  }
}
