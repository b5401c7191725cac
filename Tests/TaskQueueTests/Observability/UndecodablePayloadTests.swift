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

  @Test("A date in another format names the coding that reads it")
  func dates() throws {
    #expect(try description(#"{"at": "2026-11-27T07:18:26Z"}"#).contains("PayloadCoding.iso8601Dates"))
    #expect(
      try description(#"{"at": "\#(Self.secret)"}"#, coding: .iso8601Dates).contains("at: it is no ISO 8601 date")
    )
  }
}
