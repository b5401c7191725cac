import Foundation
import Testing

@testable import TaskQueue

@Suite("What cannot be decoded is described without its values")
struct UndecodablePayloadTests {
  private struct Order: Decodable {
    struct Item: Decodable {
      enum Size: String, Decodable { case small, large }
      var size: Size?
      var amount: Int
    }

    var items: [Item]?
    var names: [String: Int]?
    var at: Date?
    var total: Int?
  }

  fileprivate static let secret = "4111-1111"

  private func description(_ json: String, coding: PayloadCoding = .standard) throws -> String {
    let error = try #require(throws: (any Error).self) {
      try coding.decoder.decode(Order.self, from: Data(json.utf8))
    }
    let text = UndecodablePayload(error).description
    #expect(!text.contains(Self.secret) && !text.contains("4111"))
    return text
  }

  @Test("Path, expected type and kind are named")
  func mismatch() throws {
    let text = try description(#"{"items": [{"amount": 1}, {"amount": "\#(Self.secret)"}]}"#)
    #expect(text == "The payload cannot be decoded: items[1].amount: expected Int, found a string")
    #expect(try description(#"{"items": [{"amount": null}]}"#).contains("items[0].amount"))
    #expect(try description(#"{"items": [{}]}"#) == "The payload cannot be decoded: items[0].amount: it is missing")
  }

  @Test("Neither values nor the keys of dictionaries are quoted")
  func secrets() throws {
    #expect(try description(#"{"names": {"\#(Self.secret)": "x"}}"#).contains("names.*: expected Int"))
    #expect(try description(#"{"items": [{"size": "\#(Self.secret)", "amount": 1}]}"#).contains("items[0].size"))
    _ = try description(#"{"total": 4111.5}"#)
    _ = try description(#"{"total": 4111"#)
    _ = try description(#""\#(Self.secret)""#)
    struct Refusal: Error, CustomStringConvertible { var description = UndecodablePayloadTests.secret }
    #expect(!UndecodablePayload(Refusal()).description.contains(Self.secret))
  }

  @Test("Keys that no type declares come from the payload, whatever reads them")
  func dynamicKeys() throws {
    struct AnyKey: CodingKey {
      var stringValue: String
      var intValue: Int?
      init(stringValue: String) { self.stringValue = stringValue }
      init(intValue: Int) { (stringValue, self.intValue) = ("\(intValue)", intValue) }
    }
    struct Bag: Decodable {
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        for key in container.allKeys { _ = try container.decode(Int.self, forKey: key) }
      }
    }
    let json = Data(#"{"\#(Self.secret)": "x"}"#.utf8)
    let error = try #require(throws: DecodingError.self) { try JSONDecoder().decode(Bag.self, from: json) }
    #expect(UndecodablePayload(error).path == "*")
    let numbered = Data(#"{"4111": "x"}"#.utf8)
    let other = try #require(throws: DecodingError.self) { try JSONDecoder().decode([Int: Int].self, from: numbered) }
    #expect(UndecodablePayload(other).path == "*")
  }

  @Test("The errors of decoders and encoders that a handler throws are recorded without values, too")
  func handlersOwn() throws {
    let json = Data(#"{"items": [{"size": "\#(Self.secret)", "amount": 1}]}"#.utf8)
    let error = try #require(throws: DecodingError.self) { try JSONDecoder().decode(Order.self, from: json) }
    #expect(TaskFailure.message(of: error) == "DecodingError: items[0].size: its type refuses the value")
    let context = EncodingError.Context(codingPath: [], debugDescription: "no \(Self.secret)")
    #expect(!TaskFailure.message(of: EncodingError.invalidValue(Self.secret, context)).contains(Self.secret))
  }

  @Test("A date in another format names the coding that reads it")
  func dates() throws {
    #expect(try description(#"{"at": "2026-11-27T07:18:26Z"}"#).contains("PayloadCoding.iso8601Dates"))
    #expect(
      try description(#"{"at": "\#(Self.secret)"}"#, coding: .iso8601Dates).contains("at: it is no ISO 8601 date")
    )
  }
}
