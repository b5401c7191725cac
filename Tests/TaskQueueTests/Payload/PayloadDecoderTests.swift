import Foundation
import Testing

@testable import TaskQueue

@Suite("Payloads are decoded as Foundation decodes them")
struct PayloadDecoderTests {
  struct Number: Codable, Equatable { var number: Int }
  struct Pair: Codable, Equatable {
    var a: Int?
    var b: String?
  }

  private let foundation = PayloadAgreement()

  @Test("Plain payloads need no Foundation")
  func plain() {
    #expect(foundation.check(Number.self, #"{"number":1}"#) == .plain)
    #expect(
      foundation.check(Number.self, " {\n\t\"other\" : [ {\"number\": true} , null ] ,\r \"number\" : -12 } ") == .plain
    )
    #expect(foundation.check(Pair.self, "{}") == .plain)
    #expect(foundation.check(Pair.self, #"{"b":null,"a":3}"#) == .plain)
    #expect(foundation.check(Int.self, "-0") == .plain)
    #expect(foundation.check(Bool.self, "true") == .plain)
    #expect(foundation.check(String.self, #""""#) == .plain)
    #expect(foundation.check(Optional<Int>.self, "null") == .plain)
    #expect(foundation.check([[Int]].self, "[[],[1],[ ]]") == .plain)
    #expect(foundation.check([String: Int].self, #"{"b":1,"a":2}"#) == .plain)
    #expect(foundation.check(UUID.self, #""6ba7b810-9dad-11d1-80b4-00C04FD430C8""#) == .plain)
  }

  @Test(
    "Numbers of all forms",
    arguments: [
      "1", "-1", "0", "-0", "-0.0", "0.0", "127", "128", "-128", "-129", "255", "256", "1.0", "1.5", "1e2", "1E+2",
      "100e-2", "1e-7", "1e400", "1e-400",
      "0e5", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
      "18446744073709551615", "18446744073709551616",
      "0.1", "1.00000017881393432617187499", "0.30000000000000004", "123456789.123456789", "3.4028236e38", "1e39",
      "4.9e-324",
      "1.0000000000000000000000001", "01", "-", "1.", ".5", "+1",
      "1e", "--1", "1_0", "0x10", "NaN", "Infinity", "1 2", "\"1\"", "null", "true", "999999999999999999",
      "1000000000000000000",
    ]
  )
  func numbers(_ json: String) {
    for text in [json, "[\(json)]", "[\(json),\(json)]"] {
      _ = foundation.check([Int].self, text)
      _ = foundation.check([Double].self, text)
      _ = foundation.check([Float].self, text)
      _ = foundation.check([UInt64].self, text)
      _ = foundation.check([Int8].self, text)
      _ = foundation.check([Decimal].self, text)
      _ = foundation.check([Int16?].self, text)
      _ = foundation.check([UInt128].self, text)
      _ = foundation.check([Date].self, text)
    }
    _ = foundation.check(Int.self, json)
    _ = foundation.check(Double.self, json)
    _ = foundation.check(UInt8.self, json)
    #expect(foundation.check([Number].self, #"[{"number":1,"odd":\#(json)}]"#) != nil)
  }

  @Test("Doubles keep the sign of zero")
  func zeros() throws {
    for text in ["-0", "-0.0", "-0.00"] {
      #expect(try PayloadDecoder<Double>(by: JSONDecoder()).decode(Data(text.utf8)).sign == .minus)
      #expect(try JSONDecoder().decode(Double.self, from: Data(text.utf8)).sign == .minus)
    }
  }

  @Test(
    "Strings with all kinds of escapes",
    arguments: [
      #""a\"b\\c\/d\b\f\n\r\t""#, #""\u0041\u00e9\u6F22\ud83d\ude00""#, #""\u0000""#, #""\ud800""#, #""\ud800\u0041""#,
      #""\udc00""#, #""\ud800x""#, #""\u12""#,
      #""\u12G4""#, #""\x""#, #""\"#, #""a"#, "\"\u{1}\"", "\"\u{0}\"", "\"\u{7f}\"", "\"é漢👩‍👧\"", #""é\n漢\u00e9""#,
      "\"0123456\u{1}\"", "\"01234567é\\n01234567\"",
    ]
  )
  func strings(_ json: String) {
    _ = foundation.check(String.self, json)
    _ = foundation.check([String].self, "[\(json), \(json)]")
    _ = foundation.check([String: Int].self, "{\(json): 1}")
    _ = foundation.check(Number.self, #"{"odd":\#(json),"number":1}"#)
    _ = foundation.check(UUID.self, json)
    #expect(foundation.check([URL].self, "[\(json)]") != nil)
  }

  @Test("What is no UTF-8 is Foundation's to judge")
  func bytes() {
    for odd: [UInt8] in [
      [0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x5C, 0x6E, 0xFF],
    ] {
      let text = Data([0x22]) + Data(odd) + Data([0x22])
      #expect(foundation.check(String.self, text) == .refused)
      _ = foundation.check(Pair.self, Data(#"{"a":1,"c":"#.utf8) + text + Data("}".utf8))
      _ = foundation.check(Pair.self, Data(#"{"a":1,"#.utf8) + text + Data(":1}".utf8))
    }
  }

  @Test(
    "Text that is not quite JSON",
    arguments: [
      "", " ", "{", "}", "[", "[1,]", "[,1]", "[1 1]", #"{"number":1,}"#, #"{"number":1"#, #"{"number" 1}"#,
      #"{"number":1}}"#, #"{"number":1} x"#, #"{number:1}"#,
      #"{'number':1}"#, #"{"number":1/**/}"#, "tru", "nul", "nulll", "[tru]", #"{"number":1,"x":[1,]}"#,
      #"{"number":1,"x":01}"#, #"{"number":1,"x":tru}"#,
      "\u{feff}{\"number\":1}", "{\"number\":1}\u{0}", "\u{0}{\"number\":1}", "{\"number\":1}\u{a0}",
      "{\"number\":\u{b}1}",
    ]
  )
  func nearlyJSON(_ json: String) {
    _ = foundation.check([Int].self, json)
    #expect(foundation.check(Number.self, json) != nil)
    #expect(foundation.check(Optional<Number>.self, json) != .plain)
  }

  @Test("Other encodings and byte order marks are Foundation's")
  func encodings() {
    for encoding: String.Encoding in [
      .utf16, .utf16BigEndian, .utf16LittleEndian, .utf32, .utf32BigEndian, .utf32LittleEndian,
    ] {
      for text in [#"{"number":1}"#, "7"] {
        guard let json = text.data(using: encoding) else { continue }
        #expect(foundation.check(Number.self, json) != .plain)
        _ = foundation.check(Int.self, json)
      }
    }
  }

  @Test("Of a member that stands there twice Foundation takes its own")
  func doubledMembers() {
    #expect(foundation.check(Number.self, #"{"number":1,"number":2}"#) == .left)
    #expect(foundation.check(Number.self, #"{"number":1,"x":{"a":1,"a":1}}"#) == .left)
    for count in [3, 15, 16, 17, 32, 33, 40, 200] {
      let members = (0..<count).map { #""m\#($0)":\#($0)"# }
      #expect(foundation.check([String: Int].self, "{\(members.joined(separator: ","))}") == .plain)
      for twice in [0, count / 2, count - 1] {
        #expect(foundation.check([String: Int].self, "{\(members.joined(separator: ",")),\"m\(twice)\":-1}") == .left)
      }
    }
  }

  @Test("Names that are not ASCII, or escaped, are compared by Foundation")
  func names() {
    struct Composed: Codable, Equatable {
      enum CodingKeys: String, CodingKey {
        case name = "\u{e9}"
        case kelvin = "\u{212A}"
      }
      var name: Int?
      var kelvin: Int?
    }
    #expect(foundation.check(Composed.self, "{\"e\u{301}\":1}") == .left)
    #expect(foundation.check(Composed.self, #"{"\u00e9":1}"#) == .left)
    #expect(foundation.check(Composed.self, #"{"K":1}"#) == .left)
    #expect(foundation.check([String: Int].self, #"{"a\/b":1}"#) == .left)
    #expect(foundation.check(Number.self, #"{"\u006eumber":1}"#) == .left)
  }

  @Test("Depth")
  func depth() {
    for depth in [1, 60, 63, 64, 65, 200, 511, 512, 513] {
      for (start, end) in [("[", "]"), (#"{"x":"#, "}")] {
        let odd = String(repeating: start, count: depth) + "1" + String(repeating: end, count: depth)
        #expect(
          foundation.check(Number.self, #"{"number":1,"deep":\#(odd)}"#)
            == (depth < 64 ? .plain : depth < 512 ? .left : .refused)
        )
      }
    }
  }

  @Test("Big payloads, and objects with more members than are looked through")
  func big() throws {
    let members = (0..<20_000).map { #""m\#($0)":\#($0)"# }
    #expect(foundation.check([String: Int].self, "{\(members.prefix(5_000).joined(separator: ","))}") == .plain)
    #expect(foundation.check([String: Int].self, "{\(members.joined(separator: ","))}") == .left)
    #expect(foundation.check(Number.self, "{\(members.prefix(100).joined(separator: ",")),\"number\":5}") == .plain)
    #expect(foundation.check(Pair.self, "{\(members.prefix(100).joined(separator: ",")),\"b\":\"x\"}") == .plain)
  }

  @Test("Many names that fall into one place of the table are left to Foundation, not searched")
  func crowds() {
    func place(_ name: String) -> UInt64 {
      let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } | 1
      return (hash ^ hash >> 32) & 127
    }
    let names = (0...).lazy.map { "member \($0)" }.filter { place($0) == 5 }.prefix(40)
    let members = names.map { "\"\($0)\":0" }
    #expect(foundation.check([String: Int].self, "{\(members.prefix(32).joined(separator: ","))}") == .plain)
    #expect(foundation.check([String: Int].self, "{\(members.joined(separator: ","))}") == .left)
  }

  @Test("Dates, data and addresses by the decoder's strategies")
  func strategies() {
    struct Dated: Codable, Equatable {
      var at: Date
      var all: [Date]?
      var data: Data?
      var link: URL?
    }
    let texts = [
      #"{"at":1.5,"all":[2,3e3]}"#, #"{"at":"2026-11-27T07:18:26Z"}"#,
      #"{"at":"2026-11-27T07:18:26.123+01:00","all":[]}"#, #"{"at":null}"#, #"{"at":"x"}"#,
      #"{"at":1,"data":"AAEC"}"#, #"{"at":1,"data":"*"}"#, #"{"at":1,"data":[1,2,3]}"#, #"{"at":1,"data":[1,256]}"#,
      #"{"at":1,"link":"https:\/\/example.org\/?a=b"}"#,
      #"{"at":1,"link":""}"#, #"{"at":1,"link":"http://[x"}"#,
    ]
    var decoders = [JSONDecoder(), PayloadCoding.iso8601Dates.decoder]
    for dates: JSONDecoder.DateDecodingStrategy in [
      .secondsSince1970, .millisecondsSince1970, .iso8601,
      .custom { Date(timeIntervalSince1970: Double(try Int(from: $0))) },
    ] {
      let decoder = JSONDecoder()
      decoder.dateDecodingStrategy = dates
      decoder.dataDecodingStrategy =
        decoders.count.isMultiple(of: 2) ? .deferredToData : .custom { Data(try [UInt8](from: $0).reversed()) }
      decoders.append(decoder)
    }
    var plain = 0
    for decoder in decoders {
      for text in texts where PayloadAgreement(decoder: decoder).check(Dated.self, text) == .plain { plain += 1 }
    }
    #expect(plain >= 15)
  }

  @Test("A strategy that reads where it is gets the answer of Foundation")
  func pathsInStrategies() {
    struct Dated: Codable, Equatable {
      enum CodingKeys: CodingKey { case born, died }
      var born: Date
      var died: Date?
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let seconds = try decoder.singleValueContainer().decode(Double.self)
      return Date(timeIntervalSince1970: decoder.codingPath.last is Dated.CodingKeys ? seconds : -seconds)
    }
    #expect(PayloadAgreement(decoder: decoder).check(Dated.self, #"{"born":7}"#) == .left)
  }

  @Test("A decoder with other rules, or an app's subclass, decodes by itself")
  func otherRules() throws {
    final class Own: JSONDecoder, @unchecked Sendable {
      override func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        try super.decode(type, from: Data(#"{"number":42}"#.utf8))
      }
    }
    #expect(try PayloadDecoder<Number>(by: Own()).decode(Data(#"{"number":1}"#.utf8)).number == 42)
    for change: (JSONDecoder) -> Void in [
      { $0.allowsJSON5 = true }, { $0.assumesTopLevelDictionary = true },
      { $0.keyDecodingStrategy = .convertFromSnakeCase },
      { $0.keyDecodingStrategy = .custom { $0.last ?? JSONPathKey(stringValue: "") } },
    ] {
      let decoder = JSONDecoder()
      change(decoder)
      #expect(PlainDecoding(by: decoder) == nil)
      for text in [#"{"number":1}"#, #"{number:0x10}"#, #""number":1"#, #"{"num_ber":1}"#] {
        _ = PayloadAgreement(decoder: decoder).check(Number.self, text)
      }
    }
    #expect(PlainDecoding(by: JSONDecoder()) != nil)
  }

  @Test("An app's init reads what the decoder was given, and where it is")
  func surroundings() throws {
    let decoder = JSONDecoder()
    decoder.userInfo[TenantSample.key] = "acme"
    let given = PayloadAgreement(decoder: decoder)
    #expect(given.check(TenantSample.self, #"{"number":1}"#) == .plain)
    #expect(try PayloadDecoder<TenantSample>(by: decoder).decode(Data(#"{"number":1}"#.utf8)).tenant == "acme")
    #expect(foundation.check(PathSample.self, #"{"places":["a"],"byName":{"x":"b"},"byNumber":{"7":"c"}}"#) == .left)
  }

  @Test("Errors that an app's init swallows do not change its value")
  func swallowed() {
    for text in [
      #"{"number":1,"small":2,"numbers":[1,2]}"#, #"{"number":"x"}"#,
      #"{"number":1,"small":300,"numbers":[1,"x",3,null,{},4]}"#, #"{"number":1,"small":null}"#,
      #"{"number":1.5,"small":"x","numbers":7}"#, #"{"small":1,"numbers":[{"a":1,"a":2},5]}"#,
    ] { #expect(foundation.check(LossySample.self, text) != nil) }
    #expect(foundation.check(LossySample.self, #"{"number":1,"small":2,"numbers":[1,2]}"#) == .plain)
    #expect(foundation.check(LossySample.self, #"{"number":1,"small":2,"numbers":[1,"x"]}"#) == .left)
    #expect(foundation.check(LossySample.self, #"{"number":"x","small":2,"numbers":[]}"#) == .left)
  }

  @Test("Decoders that are kept for later read what Foundation's do")
  func kept() throws {
    #expect(foundation.check(KeptSample.self, #"{"values":["a","b"]}"#) == .left)
    let text = Data(#"{"a":"long enough to need memory of its own","b":[1,{"x":2}]}"#.utf8)
    var decoders: [any Decoder] = []
    for _ in 0..<3 {
      decoders.append(try PayloadDecoder<KeptSample.Kept>(by: JSONDecoder()).decode(text).decoder)
      #expect((try? PlainDecoding(by: JSONDecoder())?.decode(Keeper.self, from: text, isCheap: &Keeper.isCheap)) == nil)
    }
    decoders += Keeper.all
    #expect(decoders.count == 6)
    for decoder in decoders {
      let container = try decoder.container(keyedBy: JSONPathKey.self)
      #expect(try container.decode(String.self, forKey: JSONPathKey(stringValue: "a")).hasPrefix("long enough"))
    }
    Keeper.all = []
  }

  @Test("A type that needs Foundation for most of its values costs less with it, and is said to")
  func dearTypes() throws {
    let plain = try #require(PlainDecoding(by: JSONDecoder()))
    var isCheap = true
    _ = try plain.decode([Decimal].self, from: Data("[1.5]".utf8), isCheap: &isCheap)
    #expect(isCheap)
    _ = try plain.decode([Decimal].self, from: Data("[1.5,2.5,3.5,4.5]".utf8), isCheap: &isCheap)
    #expect(!isCheap)
    _ = try plain.decode([Int].self, from: Data("[1,2,3,4,5]".utf8), isCheap: &isCheap)
    #expect(isCheap)
  }

  @Test("A type that is in vain every time is left to Foundation, one that succeeds again is not")
  func misses() throws {
    let decoder = PayloadDecoder<CountedSample>(by: JSONDecoder())
    let (odd, plain) = (Data(#"{"n":1,"x":1,"x":2}"#.utf8), Data(#"{"n":1}"#.utf8))
    func inits(_ json: Data) throws -> Int {
      CountedSample.inits = 0
      _ = try decoder.decode(json)
      return CountedSample.inits
    }
    let needsPath = Data(#"{"n":2}"#.utf8)
    for _ in 0..<15 { #expect(try inits(needsPath) == 2) }
    #expect(try inits(plain) == 1)
    for _ in 0..<15 { #expect(try inits(needsPath) == 2) }
    // What does not fit at all says nothing of the type.
    for _ in 0..<40 { #expect(throws: DecodingError.self) { try decoder.decode(Data("[]".utf8)) } }
    #expect(try inits(needsPath) == 2)
    #expect(try inits(needsPath) == 1)
    #expect(try inits(odd) == 1)
  }
}

private struct Keeper: Decodable {
  nonisolated(unsafe) static var all: [any Decoder] = []
  nonisolated(unsafe) static var isCheap = true

  init(from decoder: any Decoder) throws { Self.all.append(decoder) }
}

private struct CountedSample: Decodable {
  nonisolated(unsafe) static var inits = 0
  enum CodingKeys: CodingKey { case n }

  init(from decoder: any Decoder) throws {
    Self.inits += 1
    if try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .n) == 2 { _ = decoder.codingPath }
  }
}
