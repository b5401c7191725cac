import Foundation
import Libpq
import Testing

@Suite("COPY")
struct CopyTests {
  struct Refusal: Error {}

  private func chunks(_ count: Int, failing: Bool = false) -> AsyncThrowingStream<Data, any Error> {
    nonisolated(unsafe) var next = 0
    return AsyncThrowingStream {
      // Safety: a stream has one consumer.
      guard next < count else {
        if failing { throw Refusal() }
        return nil
      }
      next += 1
      return Data((0..<1000).map { "\(next * 1000 + $0)\tsome text to fill the row\n" }.joined().utf8)
    }
  }

  @Test("Rows arrive and are counted")
  func copies() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE target (id int8, word text)")
    #expect(try await connection.copyIn("COPY target FROM STDIN", chunks(200)) == 200_000)
    #expect(try await connection.query("SELECT count(DISTINCT id) FROM target")[0].int8(0) == 200_000)
    await connection.close()
  }

  @Test("An error of the source aborts the COPY, and the connection goes on")
  func sourceError() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE target (id int8, word text)")
    await #expect(throws: Refusal.self) {
      _ = try await connection.copyIn("COPY target FROM STDIN", chunks(20, failing: true))
    }
    #expect(try await connection.query("SELECT count(*) FROM target")[0].int8(0) == 0)
    #expect(try await connection.copyIn("COPY target FROM STDIN", chunks(1)) == 1000)
    await connection.close()
  }

  @Test("Cancelling the task aborts the COPY, even if the source just ends")
  func cancellation() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE target (id int8)")
    let (stream, continuation) = AsyncStream<Data>.makeStream()
    continuation.yield(Data("1\n".utf8))
    let task = Task { try await connection.copyIn("COPY target FROM STDIN", stream) }
    #expect(try await TestServer.awaitWaitEvent("ClientRead", of: connection.backendProcessID))
    task.cancel()
    #expect(try await postgresError { _ = try await task.value }?.code == .cancelled)
    #expect(try await connection.query("SELECT count(*) FROM target")[0].int8(0) == 0)
    await connection.close()
  }

  @Test("Bad rows, other statements and a COPY inside a transaction behave")
  func edges() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE target (id int8)")
    let bad = try await postgresError { _ = try await connection.copyIn("COPY target FROM STDIN", chunks(1)) }
    #expect(bad?.sqlState == "22P04")
    let other = try await postgresError { _ = try await connection.copyIn("SELECT 1", chunks(1)) }
    #expect(other?.code == .invalidArgument)
    let missing = try await postgresError { _ = try await connection.copyIn("COPY nothing FROM STDIN", chunks(1)) }
    #expect(missing?.sqlState == "42P01")
    await #expect(throws: Refusal.self) {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.copyIn(
          "COPY target (id) FROM STDIN",
          AsyncStream {
            $0.yield(Data("5\n".utf8))
            $0.finish()
          }
        )
        throw Refusal()
      }
    }
    #expect(try await connection.query("SELECT count(*) FROM target")[0].int8(0) == 0)
    await connection.close()
  }

  @Test("Binary rows of every supported type arrive, in chunks cut anywhere")
  func binary() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript(
      "CREATE TEMP TABLE target (a bool, b int2, c int4, d int8, e text, f json, g timestamptz, h text)"
    )
    var buffer = LibpqCopyBuffer()
    buffer.appendHeader()
    buffer.beginRow(columns: 8)
    buffer.append(true)
    buffer.append(Int16.min)
    buffer.append(Int32.max)
    buffer.append(Int64.min)
    buffer.append("ü")
    buffer.append(Data(#"{"a":1}"#.utf8))
    try buffer.append(Date(timeIntervalSince1970: 1.5))
    buffer.appendNull()
    do {
      try buffer.append(Date(timeIntervalSinceReferenceDate: .nan))
      Issue.record("a date that is not a number was taken")
    } catch {
      #expect(error.code == .invalidArgument)
    }
    buffer.appendTrailer()
    let chunks = AsyncStream<[UInt8]> { continuation in
      for byte in buffer.bytes { continuation.yield([byte]) }
      continuation.finish()
    }
    #expect(try await connection.copyIn("COPY target FROM STDIN (FORMAT binary)", chunks) == 1)
    let result = try await connection.query(
      "SELECT concat_ws('|', a, b, c, d, e, f, g AT TIME ZONE 'UTC', h IS NULL) FROM target"
    )
    let row = try result[0].text(0)
    #expect(row == "t|-32768|2147483647|-9223372036854775808|ü|{\"a\":1}|1970-01-01 00:00:01.5|t")
    buffer.removeAll()
    #expect(buffer.count == 0)
    await connection.close()
  }
}
