import CLibpq
import Foundation

/// A blocking libpq connection, as a C program would use it: the measure of what PostgreSQL itself can do.
///
/// Used on one thread at a time and never on those that run Swift's tasks; see ``onOwnThread(_:)``.
final class RawConnection {
  private let connection: OpaquePointer

  /// - Throws: ``BenchmarkError`` with what libpq says.
  init(_ connectionString: String) throws {
    guard let connection = PQconnectdb(connectionString) else { throw BenchmarkError("libpq is out of memory.") }
    self.connection = connection
    guard PQstatus(connection) == CONNECTION_OK else {
      let message = String(cString: PQerrorMessage(connection))
      PQfinish(connection)
      throw BenchmarkError("Cannot connect for the raw loop: \(message)")
    }
  }

  deinit { PQfinish(connection) }

  func run(_ sql: String) throws {
    try finish(PQexec(connection, sql), "run \(sql)")
  }

  func prepare(_ name: String, _ sql: String) throws {
    try finish(PQprepare(connection, name, sql, 0, nil), "prepare \(sql)")
  }

  /// One prepared statement in a round trip of its own. Results are binary.
  func execute(_ name: String, _ parameters: RawParameters) throws {
    try query(name, parameters) { _ in }
  }

  /// ``execute(_:_:)``, with the result, which is freed afterwards.
  func query(_ name: String, _ parameters: RawParameters, _ read: (OpaquePointer) -> Void) throws {
    let result = PQexecPrepared(
      connection,
      name,
      parameters.count,
      parameters.values,
      parameters.lengths,
      parameters.formats,
      1
    )
    guard let result else { throw failure("execute \(name)") }
    defer { PQclear(result) }
    try check(result, "execute \(name)")
    read(result)
  }

  func enterPipeline() throws {
    guard PQenterPipelineMode(connection) == 1 else { throw failure("enter pipeline mode") }
  }

  func exitPipeline() throws {
    guard PQexitPipelineMode(connection) == 1 else { throw failure("exit pipeline mode") }
  }

  /// Queues a prepared statement in the pipeline. Results are binary.
  func send(_ name: String, _ parameters: RawParameters) throws {
    let sent = PQsendQueryPrepared(
      connection,
      name,
      parameters.count,
      parameters.values,
      parameters.lengths,
      parameters.formats,
      1
    )
    guard sent == 1 else { throw failure("send \(name)") }
  }

  /// Ends the pipeline's transaction and sends what is left in the buffer.
  func sync() throws {
    guard PQpipelineSync(connection) == 1 else { throw failure("sync") }
  }

  /// Hands over the result of the next statement of the pipeline, which is freed afterwards.
  func next<Value>(_ read: (OpaquePointer) throws -> Value) throws -> Value {
    guard let result = PQgetResult(connection) else { throw failure("read a result") }
    defer {
      PQclear(result)
      // The NULL that ends each statement's results.
      if let extra = PQgetResult(connection) { PQclear(extra) }
    }
    try check(result, "execute")
    return try read(result)
  }

  func skip() throws { try next { _ in } }

  /// Reads the answer to ``sync()``.
  func synced() throws {
    guard let result = PQgetResult(connection) else { throw failure("sync") }
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_PIPELINE_SYNC else { throw failure("sync") }
  }

  /// Waits for a NOTIFY and takes all that are there.
  ///
  /// - Returns: false when none came in time.
  func waitForNotification(milliseconds: Int32) throws -> Bool {
    var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, milliseconds) >= 0 || errno == EINTR else { throw failure("wait") }
    guard PQconsumeInput(connection) == 1 else { throw failure("read a notification") }
    var isNotified = false
    while let notification = PQnotifies(connection) {
      PQfreemem(notification)
      isNotified = true
    }
    return isNotified
  }

  /// Sends rows through COPY.
  func copy(_ sql: String, _ bytes: [UInt8]) throws {
    let begun = PQexec(connection, sql)
    defer { PQclear(begun) }
    guard PQresultStatus(begun) == PGRES_COPY_IN else { throw failure("begin COPY") }
    let sent = bytes.withUnsafeBytes { bytes in
      PQputCopyData(connection, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
    }
    guard sent == 1, PQputCopyEnd(connection, nil) == 1 else { throw failure("COPY") }
    try finish(PQgetResult(connection), "COPY")
    while let extra = PQgetResult(connection) { PQclear(extra) }
  }

  private func finish(_ result: OpaquePointer?, _ action: String) throws {
    guard let result else { throw failure(action) }
    defer { PQclear(result) }
    try check(result, action)
  }

  private func check(_ result: OpaquePointer, _ action: String) throws {
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return
    default: throw BenchmarkError("The raw loop failed to \(action): \(String(cString: PQresultErrorMessage(result)))")
    }
  }

  private func failure(_ action: String) -> BenchmarkError {
    BenchmarkError("The raw loop failed to \(action): \(String(cString: PQerrorMessage(connection)))")
  }
}
