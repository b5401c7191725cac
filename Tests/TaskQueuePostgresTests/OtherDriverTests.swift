import CLibpq
import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// Stands for any other driver: libpq's plain calls, with text parameters of undeclared type or declared as text.
private final class PlainConnection {
  struct Failure: Error {
    let sqlState: String
    let message: String
  }

  private let connection: OpaquePointer
  private let declaresText: Bool

  init(_ connectionString: String, declaresText: Bool) throws {
    connection = PQconnectdb(connectionString)
    self.declaresText = declaresText
    guard PQstatus(connection) == CONNECTION_OK else { throw Failure(sqlState: "08006", message: "no connection") }
  }

  deinit { PQfinish(connection) }

  /// Rows of text.
  @discardableResult
  func run(_ statement: SQLStatement) throws -> [[String]] {
    let values = statement.parameters.map { $0.map { strdup($0) } ?? nil }
    defer { for value in values { free(value) } }
    let types = declaresText ? Array(repeating: Oid(25), count: values.count) : nil
    let result = PQexecParams(
      connection,
      statement.text,
      Int32(values.count),
      types,
      values.map { UnsafePointer($0) },
      nil,
      nil,
      0
    )
    defer { PQclear(result) }
    guard [PGRES_TUPLES_OK, PGRES_COMMAND_OK].contains(PQresultStatus(result)) else {
      let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
      throw Failure(sqlState: state ?? "", message: String(cString: PQresultErrorMessage(result)))
    }
    return (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { String(cString: PQgetvalue(result, row, $0)) }
    }
  }

  @discardableResult
  func run(_ sql: String) throws -> [[String]] { try run(SQLStatement(text: sql, parameters: [])) }
}

@Suite("Transactions of other drivers")
struct OtherDriverTests {
  private static let options: [EnqueueOptions] = [
    .init(),
    .with { $0.schedule = .after(.milliseconds(3_600_000 * 24 * 365 + 1_234)) },
    .with { $0.schedule = .after(Limits.delay) },
    .with { $0.schedule = .after(.seconds(-5)) },
    .with {
      $0.queue = "another lane"
      $0.priority = -7
      $0.schedule = .at(Date(timeIntervalSince1970: 4_102_444_800.123_456))
      $0.unique = UniqueKey("it's", mode: .coalesce, periodAfterCompletion: .milliseconds(90_061_007))
      $0.maxAttempts = 3
      $0.retry = .exponential(base: .seconds(2))
      $0.headers = ["traceparent": "00-ab", "quote\"": "é"]
      $0.deadline = Date(timeIntervalSince1970: 4_102_444_801)
    },
    .with { $0.unique = UniqueKey("k", mode: .replace) },
    .with { $0.schedule = .at(Date(timeIntervalSince1970: 60_000_000_000)) },
  ]

  @Test("What enqueueStatement stores equals what enqueue stores, with every option", arguments: [true, false])
  func sameRows(declaresText: Bool) async throws {
    try await withTestDatabase { database in
      let schemas = ["taskqueue", "the \"other\" Schema"]
      try await Migrator(configuration: database.postgresConfiguration, schema: schemas[1]).migrate()
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let connection = try PlainConnection(database.connectionString, declaresText: declaresText)
      for (index, options) in Self.options.enumerated() {
        let task = try NewTask(Note(text: "té\"xt' \(index)"), options: options)
        #expect(try await store.enqueue([task])[0].isNew)
        let rows = try connection.run(task.enqueueStatement(schema: schemas[1], wakes: index % 2 == 0))
        #expect(rows == [["\(index + 1)", "t"]])
      }
      let rows = try schemas.map { schema in
        try connection.run(
          """
          SELECT id, queue, type, priority, ready, max_attempts, unique_key, unique_period, payload, headers, retry, deadline,
            CASE WHEN due_at < created_at + interval '101 years' AND due_at <> '2100-01-01 00:00:00.123456Z'
              THEN (due_at - created_at)::text ELSE due_at::text END
          FROM "\(schema.replacing("\"", with: "\"\""))".task ORDER BY id
          """
        ).map { row in row.map { $0.hasPrefix("{") ? canonical($0) : $0 } }
      }
      #expect(rows[0].count == Self.options.count)
      #expect(rows[0] == rows[1])
      await store.close()
    }
  }

  /// Headers are a dictionary: their order is nobody's.
  private func canonical(_ json: String) -> String {
    let object = try? JSONSerialization.jsonObject(with: Data(json.utf8))
    let data = object.flatMap { try? JSONSerialization.data(withJSONObject: $0, options: .sortedKeys) }
    return data.map { String(decoding: $0, as: UTF8.self) } ?? json
  }

  @Test(
    "A task exists if the transaction commits, and does not if it rolls back; a unique key gives everybody its task"
  )
  func enqueueInTransaction() async throws {
    try await withStore { store in
      let connection = try PlainConnection(store.configuration.connection.connectionString, declaresText: true)
      let task = try NewTask(Note(text: "x"), options: .with { $0.unique = UniqueKey("k") })
      try connection.run("BEGIN")
      try connection.run(task.enqueueStatement())
      #expect(try await store.claimAll().isEmpty)
      try connection.run("ROLLBACK")
      #expect(try await store.claimAll().isEmpty)
      try connection.run("BEGIN")
      let first = try connection.run(task.enqueueStatement())
      let second = try connection.run(task.enqueueStatement())
      try connection.run("COMMIT")
      #expect(first[0][1] == "t" && second == [[first[0][0], "f"]])
      #expect(try await store.claimAll().map { "\($0.claim.id)" } == [first[0][0]])
    }
  }

  @Test("A completion commits with what else the transaction writes, or neither does; a stale claim cannot commit")
  func completion() async throws {
    try await withStore { store in
      let connection = try PlainConnection(store.configuration.connection.connectionString, declaresText: false)
      try connection.run("CREATE TABLE receipt (task bigint)")
      _ = try await store.add("x")
      let stale = try #require(try await store.claimAll().first).claim
      try await store.endLeases()
      let claim = try #require(try await store.claimAll().first).claim

      try connection.run("BEGIN")
      try connection.run("INSERT INTO receipt VALUES (\(stale.id))")
      let error = #expect(throws: PlainConnection.Failure.self) { try connection.run(stale.completionStatement()) }
      #expect(error?.sqlState == "TQ001")
      #expect(error?.message.contains("task \(stale.id) is no longer held by this claim") == true)
      #expect(error?.message.contains("Roll the transaction back") == true)
      try connection.run("COMMIT")
      #expect(try connection.run("SELECT count(*) FROM receipt") == [["0"]])

      for end in ["ROLLBACK", "COMMIT"] {
        try connection.run("BEGIN")
        try connection.run(claim.completionStatement())
        try connection.run("INSERT INTO receipt VALUES (\(claim.id))")
        try connection.run(end)
        let isDone = end == "COMMIT"
        #expect(try connection.run("SELECT count(*) FROM receipt") == [[isDone ? "1" : "0"]])
        #expect(try await store.renew([claim], lease: .seconds(60)) == [isDone ? .lost : .renewed])
      }
    }
  }

  @Test("What could not be sent as text is refused before anything is sent")
  func refusals() throws {
    let notUTF8 = try NewTask(type: "a", json: Data([0x22, 0xFF, 0x22]))
    let error = #expect(throws: TaskQueueError.self) { try notUTF8.enqueueStatement() }
    #expect(error?.code == .encodingFailed)
    let withNUL = try NewTask(type: "a", json: Data([0x22, 0x00, 0x22]))
    #expect(throws: TaskQueueError.self) { try withNUL.enqueueStatement() }
    #expect(throws: TaskQueueError.self) { try NewTask(Note(text: "x")).enqueueStatement(schema: "") }
    var verbose = try NewTask(Note(text: "x"))
    verbose.headers["long"] = String(repeating: "x", count: Limits.headerBytes)
    let withHeaders = verbose
    let tooLarge = #expect(throws: TaskQueueError.self) { try withHeaders.enqueueStatement() }
    #expect(tooLarge?.code == .payloadTooLarge)
    #expect(throws: TaskQueueError.self) { try Claim(id: TaskID(1), token: 2).completionStatement(schema: "a\0b") }
  }
}
