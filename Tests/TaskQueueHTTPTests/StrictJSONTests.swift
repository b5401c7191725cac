import Dispatch
import Foundation
import Synchronization
import TaskQueueHTTP
import Testing

@Suite("JSON of strangers")
struct StrictJSONTests {
  private func tree(_ text: String) throws -> JSONTree { try JSONTree(reading: Data(text.utf8)) }

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
    #expect(throws: JSONRefusal.self) { try JSONTree(reading: Data(quote + bytes + quote)) }
    #expect(throws: JSONRefusal.self) { try JSONTree(reading: Data(bytes)) }
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
  func isLinear(index: Int) {
    let data = Data(Self.long[index].utf8)
    let time = ContinuousClock().measure { _ = try? JSONTree(reading: data) }
    #expect(time < .seconds(1))
  }

  @Test("What has a type is read by the same rules, also where it is long")
  func typed() async throws {
    struct Answer: Codable, Equatable { var at: Date }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    for padding in [1, 2 * StrictJSON.inlineBytes] {
      let spaces = String(repeating: " ", count: padding)
      let right = Data(#"{"at":1.5e3,\#(spaces)"more":[1]}"#.utf8)
      let answer = try await StrictJSON.read(Answer.self, from: right, decoder: decoder)
      #expect(answer.at == Date(timeIntervalSince1970: 1500))
      #expect(try await StrictJSON.tree(right) == JSONTree(reading: right))
      let twice = Data(#"{"at":1,\#(spaces)"at":2}"#.utf8)
      await #expect(throws: DecodingError.self) {
        _ = try await StrictJSON.read(Answer.self, from: twice, decoder: decoder)
      }
      let refusal = await #expect(throws: JSONRefusal.self) { _ = try await StrictJSON.tree(twice) }
      #expect(refusal?.reason == "two members have one name")
      #expect(refusal?.offset == twice.count - 1)
    }
  }

  /// Takes until somebody opens the gate, as text that is hard to read would.
  private struct Slow: Decodable, Sendable {
    static let gate = DispatchSemaphore(value: 0)
    static let begun = Mutex(0)

    init(from decoder: any Decoder) throws {
      Self.begun.withLock { $0 += 1 }
      Self.gate.wait()
    }
  }

  @Test("Long texts are read one after the other, on no thread that serves others", .timeLimit(.minutes(1)))
  func readsApart() async throws {
    let long = Data("[\(String(repeating: "0,", count: StrictJSON.inlineBytes))0]".utf8)
    // More than there are threads to serve.
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount + 2
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 1...count { group.addTask { _ = try await StrictJSON.read(Slow.self, from: long) } }
      while Slow.begun.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(10)) }
      // A short one waits for none of them.
      #expect(try await StrictJSON.tree(Data("1".utf8)) == 1)
      #expect(Slow.begun.withLock { $0 } == 1)
      for _ in 1...count { Slow.gate.signal() }
      try await group.waitForAll()
    }
  }

  @Test("What isn't read is answered with why and where, and nothing of it")
  func answers() throws {
    let refusal = try #require(throws: JSONRefusal.self) { try tree(#"{"secret":}"#) }
    let error = ProblemError(answering: refusal)
    #expect(error.kind == .malformedRequest)
    #expect(error.detail == "The body isn't JSON as it is read here: a value is missing, at byte 10.")
  }
}
