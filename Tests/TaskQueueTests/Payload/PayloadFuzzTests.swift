import Foundation
import SeededRandom
import Testing

@testable import TaskQueue

@Suite("Random payloads are decoded as Foundation decodes them")
struct PayloadFuzzTests {
  private static let seeds = Array(0..<4 as Range<UInt64>)
  private static let samplesPerSeed = 30
  private static let mutantsPerSample = 12

  @Test("Values of a dozen types, in all formats, whole and damaged", arguments: seeds)
  func samples(seed: UInt64) throws {
    // How many of 100 whole payloads must need no Foundation. Names of members that are not ASCII do.
    try fuzz(NumberSample.self, seed, plain: 100)
    try fuzz(WideSample.self, seed, plain: 100)
    try fuzz(OptionalSample.self, seed, plain: 30)
    try fuzz(TreeSample.self, seed, plain: 15)
    try fuzz(EventSample.self, seed, plain: 100)
    try fuzz(CollectionSample.self, seed, plain: 5)
    try fuzz(FoundationSample.self, seed, plain: 100)
    try fuzz(HandmadeSample.self, seed, plain: 100)
    try fuzz(LossySample.self, seed, plain: 0)
    try fuzz(AnyJSONSample.self, seed, plain: 0)
    try fuzz(PathSample.self, seed, plain: 0)
    try fuzz(TenantSample.self, seed, plain: 100)
    try fuzz(HeritageSample.self, seed, plain: 0)
    try fuzz(KeptSample.self, seed, plain: 0)
    try fuzz([TreeSample].self, seed, plain: 5) { $0.list { TreeSample.sample(&$0) } }
    try fuzz(Double.self, seed, plain: 90) { $0.double() }
    try fuzz(Float.self, seed, plain: 90) { $0.float() }
    try fuzz(Int.self, seed, plain: 100) { $0.integer() }
    try fuzz(String.self, seed, plain: 90) { $0.text() }
    try fuzz([String: [Int?]].self, seed, plain: 10) { random in
      Dictionary(random.list { ($0.text(), $0.list { $0.maybe { $0.integer() } }) }) { one, _ in one }
    }
  }

  private func fuzz<Sample: PayloadSample>(_ type: Sample.Type, _ seed: UInt64, plain: Int) throws {
    try fuzz(type, seed, plain: plain) { Sample.sample(&$0) }
  }

  private func fuzz<Value: Codable & Equatable>(
    _ type: Value.Type,
    _ seed: UInt64,
    plain: Int,
    _ make: (inout SeededGenerator) -> Value
  ) throws {
    var random = SeededGenerator(seed: seed)
    let agreement = PayloadAgreement()
    let encoder = JSONEncoder()
    var plainCount = 0
    for _ in 0..<Self.samplesPerSeed {
      encoder.outputFormatting =
        [[], .prettyPrinted, .sortedKeys, .withoutEscapingSlashes].randomElement(using: &random) ?? []
      let json = try encoder.encode(make(&random))
      let way = agreement.check(type, json, seed: seed)
      #expect(way != .refused || Value.self == HandmadeSample.self)
      if way == .plain { plainCount += 1 }
      for _ in 0..<Self.mutantsPerSample { _ = agreement.check(type, random.mutant(of: json), seed: seed) }
    }
    #expect(plainCount * 100 >= plain * Self.samplesPerSeed, "\(type), seed \(seed): \(plainCount)")
  }
}

extension SeededGenerator {
  private static let oddities = [
    "1e2", "-0", "1.0", "0.1", "01", "99999999999999999999", "-9223372036854775809", "1e999", "1e-999", "\\u0000",
    "\\ud800", "\\ud83d\\ude00", "\\n", "\\x", "\\",
    "\u{feff}", "\u{0}", "\u{1}", ",", ":", "\"", "{", "}", "[", "]", " \n\t\r", "null", "true", "false", "\"\"",
    "\"x\":0,", "\"a\":null,", "é", "/", "-", ".", "E5",
    "[[[[", "]]]]", "{\"a\":{\"a\":1,\"a\":2}}", "\u{2028}", "\u{a0}",
  ]

  /// One to three damages, most of which leave something like JSON.
  mutating func mutant(of json: Data) -> Data {
    var bytes = [UInt8](json)
    for _ in 0..<Int.random(in: 1...3, using: &self) {
      let at = Int.random(in: 0...bytes.count, using: &self)
      let other = Int.random(in: 0...bytes.count, using: &self)
      let range = min(at, other)..<max(at, other)
      switch Int.random(in: 0..<12, using: &self) {
      case 0: bytes.removeLast(bytes.count - at)
      case 1: if !range.isEmpty { bytes.swapAt(range.lowerBound, range.upperBound - 1) }
      case 2: if at < bytes.count { bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self) }
      case 3: if at < bytes.count { bytes.remove(at: at) }
      case 4: bytes.insert(contentsOf: bytes[range.prefix(20)], at: other)
      case 5: bytes.insert(UInt8.random(in: 0...255, using: &self), at: at)
      case 6: replaceNumber(in: &bytes)
      case 7: doubleMember(in: &bytes)
      case 8:
        bytes =
          Array(repeating: UInt8(ascii: "["), count: at % 70) + bytes
          + Array(repeating: UInt8(ascii: "]"), count: at % 70)
      case 9: spaceOut(&bytes)
      default: bytes.insert(contentsOf: (Self.oddities.randomElement(using: &self) ?? "").utf8, at: at)
      }
    }
    return Data(bytes)
  }

  private mutating func replaceNumber(in bytes: inout [UInt8]) {
    guard let at = bytes.indices.filter({ (0x30...0x39).contains(bytes[$0]) }).randomElement(using: &self) else {
      return
    }
    bytes.replaceSubrange(at...at, with: (Self.oddities.prefix(9).randomElement(using: &self) ?? "").utf8)
  }

  /// The first member of an object once more, or another of its name.
  private mutating func doubleMember(in bytes: inout [UInt8]) {
    guard let at = bytes.indices.filter({ bytes[$0] == UInt8(ascii: "{") }).randomElement(using: &self),
      let end = bytes[at...].firstIndex(of: UInt8(ascii: ":"))
    else { return }
    bytes.insert(contentsOf: Array(bytes[(at + 1)...end]) + Array((chance(50) ? "null," : "7,").utf8), at: at + 1)
  }

  private mutating func spaceOut(_ bytes: inout [UInt8]) {
    bytes = bytes.flatMap { byte in
      ",:{}[]".utf8.contains(byte) && chance(50) ? [0x20, byte, chance(50) ? 0x0A : 0x09] : [byte]
    }
  }
}
