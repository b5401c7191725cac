import Foundation
import HTTPTypes
import TaskQueueHTTP
import Testing

@Suite("Keys of requests")
struct RequestKeyTests {
  private func key(_ header: String?) throws(ProblemError) -> RequestKey {
    try RequestKey(caller: "c", operation: "o", header: header)
  }

  @Test("Are read in quotes, as the draft has it, and bare")
  func forms() throws {
    let longest = String(repeating: "k", count: 255)
    for text in ["8e03978e-40d5-43dd-bc93-6894a57f9324", "k", "a;b=c", longest] {
      let expected = RequestKey(caller: "c", operation: "o", key: text)
      #expect(try key(text) == expected)
      #expect(try key("\"\(text)\"") == expected)
    }
  }

  @Test(
    "Anything else is refused as malformed",
    arguments: [
      "", "\"", "\"\"", "a b", "ä", "a\"b", "\"a\\\"b\"", "a\u{0}", "\u{7F}", "\"k\";a=1 ", "k, k", "“k”",
      String(repeating: "k", count: 256),
    ]
  )
  func malformed(header: String) {
    let error = #expect(throws: ProblemError.self) { try key(header) }
    #expect(error?.kind == .malformedRequest)
  }

  @Test("A missing one is a problem of its own, and two fields are none")
  func fields() throws {
    let missing = #expect(throws: ProblemError.self) { try RequestKey(caller: "c", operation: "o", fields: [:]) }
    #expect(missing?.kind == .missingIdempotencyKey)
    #expect(missing?.kind.status == .badRequest)
    var fields: HTTPFields = [.idempotencyKey: "k"]
    #expect(try RequestKey(caller: "c", operation: "o", fields: fields).key == "k")
    fields.append(HTTPField(name: .idempotencyKey, value: "k"))
    #expect(throws: ProblemError.self) { try RequestKey(caller: "c", operation: "o", fields: fields) }
  }

  @Test("A fingerprint goes by what a request means, or by its bytes")
  func fingerprints() throws {
    #expect(try RequestFingerprint(of: ["a": 1, "b": 2]) == RequestFingerprint(of: ["b": 2, "a": 1]))
    #expect(try RequestFingerprint(of: ["a": 1]) != RequestFingerprint(of: ["a": 2]))
    #expect(RequestFingerprint(ofBytes: Data("{}".utf8)) != RequestFingerprint(ofBytes: Data("{ }".utf8)))
  }
}
