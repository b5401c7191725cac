import Foundation
import Libpq
import Testing

@Suite("Values")
struct ValueTests {
  @Test("Every parameter type comes back as it went")
  func roundTrip() async throws {
    let connection = try await TestServer.connect()
    let date = Date(timeIntervalSince1970: 1_700_000_000.123456)
    let row = try await connection.query(
      """
      SELECT $1, $2, $3, $4, $5, $6::json, $7::jsonb, $8, $9, $10, 7::int2, 1.5::float4, 'n'::name, 4000000000::oid, '12'::xid8,
        $11::uuid::text
      """,
      [
        .int8(.min), .int4(-5), .bool(true), .float8(-0.25), .text("grüße \u{1F389}"), .json(Data(#"{"a": 1}"#.utf8)),
        .json(Data("[2]".utf8)), .bytea(Data([0, 1, 255])), .timestamptz(date), .null,
        .unknown("00000000-0000-0000-0000-000000000001"),
      ]
    )[0]
    #expect(try row.int8(0) == .min)
    #expect(try row.int4(1) == -5)
    #expect(try row.int8(1) == -5)
    #expect(try row.bool(2))
    #expect(try row.float8(3) == -0.25)
    #expect(try row.text(4) == "grüße \u{1F389}")
    #expect(try row.data(5) == Data(#"{"a": 1}"#.utf8))
    #expect(try row.text(6) == "[2]")
    #expect(try row.data(7) == Data([0, 1, 255]))
    #expect(abs(try row.timestamptz(8).timeIntervalSince(date)) < 0.000_001)
    #expect(try row.optionalText(9) == nil)
    #expect(try row.isNull(9))
    #expect(try row.int8(10) == 7)
    #expect(try row.float8(11) == 1.5)
    #expect(try row.text(12) == "n")
    #expect(try row.int8(13) == 4_000_000_000)
    #expect(try row.int8(14) == 12)
    #expect(try row.text(15) == "00000000-0000-0000-0000-000000000001")
    await connection.close()
  }

  @Test("A text comes as it is: empty, long, with a NUL where there can be one; what is not UTF-8 is refused")
  func texts() async throws {
    let connection = try await TestServer.connect()
    let long = String(repeating: "ü", count: 100_000)
    let row = try await connection.query(
      #"SELECT '', ''::"char", 'x'::"char", $1, '"a"'::json, '"b"'::jsonb"#,
      [.text(long)]
    )[0]
    #expect(try (0...5).map { try row.text($0) } == ["", "\0", "x", long, #""a""#, #""b""#])
    _ = try await connection.query("SET client_encoding = 'LATIN1'")
    let other = try await connection.query(#"SELECT chr(252), 'a' || chr(252)"#)[0]
    for column in 0...1 {
      #expect(throws: LibpqError.self) { try other.text(column) }
    }
    await connection.close()
  }

  @Test("Arrays and intervals arrive, also empty and with NULL elements")
  func arrays() async throws {
    let connection = try await TestServer.connect()
    let row = try await connection.query(
      """
      SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, array_length($7, 1), $8::text, $9::text, $10::text,
        extract(epoch FROM $11)::float8
      """,
      [
        .int8Array([1, -2]), .int8Array([]), .int4Array([3]), .boolArray([true, false]), .float8Array([0.5]),
        .textArray(["a", nil, ""]), .timestamptzArray([.now, nil]), .intervalArray([.seconds(61), nil]),
        .jsonArray([Data("{}".utf8), nil]), .timestamptzArray([.distantFuture, .distantPast]),
        .interval(.milliseconds(-1500)),
      ]
    )[0]
    let texts = try [0, 1, 2, 3, 4, 5, 7, 8, 9].map { try row.text($0) }
    #expect(
      texts == [
        "{1,-2}", "{}", "{3}", "{t,f}", "{0.5}", #"{a,NULL,""}"#, "{00:01:01,NULL}", #"{"{}",NULL}"#,
        "{infinity,-infinity}",
      ]
    )
    #expect(try row.int4(6) == 2)
    #expect(try row.float8(10) == -1.5)
    await connection.close()
  }

  @Test("A uuid comes back as it went, also in an array and as NULL")
  func uuids() async throws {
    let connection = try await TestServer.connect()
    let id = UUID()
    let row = try await connection.query(
      "SELECT $1, $1::text, $2::text, NULL::uuid, $3::text",
      [.uuid(id), .uuidArray([id, id]), .uuidArray([])]
    )[0]
    let text = id.uuidString.lowercased()
    #expect(try row.uuid(0) == id)
    #expect(try row.text(1) == text)
    #expect(try row.text(2) == "{\(text),\(text)}")
    #expect(try row.optionalUUID(3) == nil)
    #expect(try row.text(4) == "{}")
    #expect(try await postgresError { _ = try row.uuid(1) }?.code == .decoding)
    #expect(try await postgresError { _ = try row.uuid(3) }?.code == .decoding)
    await connection.close()
  }

  @Test("Infinite timestamps are the distant future and past")
  func infinity() async throws {
    let connection = try await TestServer.connect()
    let row = try await connection.query(
      "SELECT 'infinity'::timestamptz, '-infinity'::timestamptz, $1 = 'infinity', $2 = '-infinity'",
      [.timestamptz(.distantFuture), .timestamptz(.distantPast)]
    )[0]
    #expect(try row.timestamptz(0) == .distantFuture)
    #expect(try row.timestamptz(1) == .distantPast)
    #expect(try row.bool(2))
    #expect(try row.bool(3))
    await connection.close()
  }

  @Test("A wrong type, NULL or a missing column is a decoding error that names the column")
  func decodingErrors() async throws {
    let connection = try await TestServer.connect()
    let row = try await connection.query("SELECT 'x'::text AS word, NULL::int8 AS nothing, 5000000000 AS big")[0]
    let wrong = try await postgresError { _ = try row.int8(0) }
    #expect(wrong?.code == .decoding)
    #expect(wrong?.column == "word")
    #expect(try await postgresError { _ = try row.int8(1) }?.column == "nothing")
    #expect(try await postgresError { _ = try row.int4(2) }?.code == .decoding)
    #expect(try await postgresError { _ = try row.int4(3) }?.code == .decoding)
    #expect(try await postgresError { _ = try row.text(-1) }?.code == .decoding)
    #expect(try await postgresError { _ = try row.timestamptz(2) }?.code == .decoding)
    #expect(try await postgresError { _ = try row.data(2) }?.code == .decoding)
    await connection.close()
  }

  @Test("What would be cut off at a NUL is refused before it is sent")
  func invalidArguments() async throws {
    let connection = try await TestServer.connect()
    let statements: [LibpqStatement] = [
      .init("SELECT 1\0"), .init("SELECT $1::json", [.json(Data([0x31, 0]))]), .init("SELECT $1", [.unknown("a\0")]),
      .init("SELECT $1", [.timestamptz(Date(timeIntervalSinceReferenceDate: .nan))]), .init("SELECT 1", name: ""),
    ]
    for statement in statements {
      #expect(try await postgresError { _ = try await connection.query(statement) }?.code == .invalidArgument)
    }
    #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
    await connection.close()
  }

  @Test("Names are quoted, and impossible ones refused")
  func identifiers() async throws {
    #expect(try LibpqIdentifier.quotedIdentifier("plain") == "\"plain\"")
    #expect(try LibpqIdentifier.quotedIdentifier("a\"; DROP") == "\"a\"\"; DROP\"")
    for name in ["", "a\0b", String(repeating: "ü", count: 32)] {
      #expect(try await postgresError { _ = try LibpqIdentifier.quotedIdentifier(name) }?.code == .invalidArgument)
    }
    let connection = try await TestServer.connect()
    let name = "we\"ird Ü.\(TestServer.uniqueName().prefix(20))"
    let quoted = try LibpqIdentifier.quotedIdentifier(name)
    try await connection.executeScript("CREATE TEMP TABLE \(quoted) (a int)")
    let count = try await connection.query("SELECT count(*) FROM pg_class WHERE relname = $1", [.text(name)])
    #expect(try count[0].int8(0) == 1)
    await connection.close()
  }
}
