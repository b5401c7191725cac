import Foundation
import NIOHTTP1
import TaskQueueHTTP
import Testing

@testable import PaymentsExample

@Suite("JSON of strangers")
struct StrictJSONTests {
  private func tree(_ text: String) throws -> JSONTree { try StrictJSON.tree(Data(text.utf8)) }

  @Test("What RFC 8259 allows is read, and whole numbers exactly")
  func reads() throws {
    let read = try tree(#" { "a" : [ 1 , -2.5, true, false, null, { } , [ ] ] , "" : "\u0041\n\uD83D\uDE00\/é" } "#)
    #expect(read["a"] == [1, .number(-2.5), true, false, .null, [:], []])
    #expect(read[""] == "A\n\u{1F600}/é")
    let numbers: [(String, JSONTree)] = [
      ("-0", 0), ("1.0", 1), ("12e2", 1200), ("1200e-2", 12), ("0.0e999999999999", 0),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("999999999999999.00", 999_999_999_999_999), ("999999999999999.01", .number(999_999_999_999_999.01)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1e30", .number(1e30)), ("1e-999", .number(0)),
    ]
    for (text, number) in numbers { #expect(try tree(text) == number, "\(text)") }
  }

  @Test(
    "What two readers may take for different things isn't read",
    arguments: [
      "", " ", "{", "[", "[1", "[1,]", "[,1]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "'a'", "nul",
      "truee",
      "1 2", "01", "-", "-01", "1.", ".1", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "1e999", "-1e400",
      String(repeating: "1", count: 101), "\u{FEFF}1", "\"", #""\"#, #""\x""#, #""\u12"#, #""\u12G4""#,
      "\"\u{1}\"", "\"a\nb\"", #""\uD800""#, #""\uD800\u0041""#, #""\uDC00""#, #""\uD800x""#, "1//", "/**/1",
      #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"[{"b":{"c":1,"d":[],"c":null}}]"#,
      #"{"\#(String(repeating: "n", count: 513))":1}"#,
    ]
  )
  func refuses(text: String) {
    #expect(throws: JSONRefusal.self, "\(text)") { try tree(text) }
  }

  @Test(
    "Bytes that aren't UTF-8 aren't read",
    arguments: [[0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]]
  )
  func encoding(bytes: [UInt8]) {
    let quote = [UInt8(ascii: "\"")]
    #expect(throws: JSONRefusal.self) { try StrictJSON.tree(Data(quote + bytes + quote)) }
    #expect(throws: JSONRefusal.self) { try StrictJSON.tree(Data(bytes)) }
  }

  @Test("32 arrays and objects in one another are read, 33 are not")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: #"[{"a":"#, count: depth / 2) + String(repeating: "[", count: depth % 2) + "1"
        + String(repeating: "]", count: depth % 2) + String(repeating: "}]", count: depth / 2)
    }
    #expect(throws: Never.self) { try tree(nested(32)) }
    #expect(throws: JSONRefusal.self) { try tree(nested(33)) }
    #expect(throws: JSONRefusal.self) { try tree(nested(100_000)) }
  }

  /// Each as long as a body may be.
  private static let long: [String] = {
    let members = (0..<6000).map { #""m\#($0)":1"# }.joined(separator: ",")
    // Marks of different classes, in an order that has to be sorted before two names can be compared.
    let marks = String(String.UnicodeScalarView((0..<250).flatMap { _ in ["\u{301}", "\u{327}"] as [Unicode.Scalar] }))
    return [
      String(repeating: "[", count: 60_000), String(repeating: #"{"a":"#, count: 12_000),
      String(repeating: "[]", count: 30_000), "[" + String(repeating: "0,", count: 30_000) + "0]", "{\(members)}",
      String(repeating: "9", count: 60_000),
      "[" + (0..<60).map { #"{"\#($0)\#(marks.prefix(250))":1}"# }.joined() + "]",
      "\"" + String(repeating: #"\uD83D\uDE00"#, count: 5000) + "\"",
      "["
        + Array(repeating: String(repeating: "[", count: 31) + "0" + String(repeating: "]", count: 31), count: 900)
        .joined(separator: ",") + "]",
    ]
  }()

  @Test("60 KB are read or refused within a second, whatever they hold", arguments: long.indices)
  func isLinear(index: Int) async {
    let data = Data(Self.long[index].utf8)
    let time = await ContinuousClock().measure { _ = try? await JSONFormat.read(JSONTree.self, from: data) }
    #expect(time < .seconds(1))
  }

  @Test("A provider's answer or callback is read by the same rules")
  func answers() async throws {
    let callback = #"{"eventId":"e","paymentProviderId":"p","status":"DONE","more":[1]}"#
    #expect(try await ProviderCallbackFormat.contract.callback(Data(callback.utf8))?.eventId == "e")
    for broken in [#","status":"INIT"}"#, #","x":\#(String(repeating: "[", count: 40))"#, #","x":1e999}"#] {
      let body = Data((callback.dropLast() + broken).utf8)
      await #expect(throws: ProblemError.self) { try await ProviderCallbackFormat.contract.callback(body) }
      let answer = JSONCaller.Answer(status: .ok, headers: [:], body: body)
      await #expect(throws: DecodingError.self) { _ = try await answer.decoded(ProviderCallback.self) }
    }
    // Long ones are read elsewhere, and by the same rules.
    let long = Data((#"{"a":1,"b":"\#(String(repeating: "x", count: 100_000))","a":2}"#).utf8)
    await #expect(throws: DecodingError.self) { _ = try await JSONFormat.read([String: JSONTree].self, from: long) }
  }

  @Test("Bodies that freeze a cubic reader cost the API nothing", .timeLimit(.minutes(1)))
  func api() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      for index in Self.long.indices {
        let answer = try await fixture.post("/payments", Self.long[index], key: "long-\(index)")
        #expect((400..<500).contains(answer.status))
      }
      let twice = try await fixture.post(
        "/payments",
        #"{"userId":"u","amount":1,"amount":2,"currency":"EUR"}"#,
        key: "k"
      )
      #expect(twice.problem == .malformedRequest)
    }
  }
}
