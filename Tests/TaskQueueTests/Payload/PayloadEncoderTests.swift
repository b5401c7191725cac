import Foundation
import SeededRandom
import Testing

@testable import TaskQueue

@Suite("Payloads are encoded as Foundation encodes them")
struct PayloadEncoderTests {
  private struct Number: Encodable { var number: Int }
  private struct Empty: Encodable {}
  private let foundation = PayloadWritingAgreement()

  private func given(_ change: (JSONEncoder) -> Void) -> PayloadWritingAgreement {
    let encoder = JSONEncoder()
    change(encoder)
    return PayloadWritingAgreement(encoder: encoder)
  }

  @Test("Values of a dozen types", arguments: 0..<8 as Range<UInt64>)
  func samples(seed: UInt64) {
    fuzz(NumberSample.self, seed)
    fuzz(WideSample.self, seed)
    fuzz(OptionalSample.self, seed)
    fuzz(TreeSample.self, seed)
    fuzz(EventSample.self, seed)
    fuzz(CollectionSample.self, seed)
    fuzz(FoundationSample.self, seed)
    fuzz(HandmadeSample.self, seed)
    fuzz(LossySample.self, seed)
    fuzz(AnyJSONSample.self, seed)
    fuzz(PathSample.self, seed)
    fuzz(TenantSample.self, seed)
    fuzz(HeritageSample.self, seed, is: .left)
  }

  private func fuzz<Sample: PayloadSample>(
    _ type: Sample.Type,
    _ seed: UInt64,
    is way: PayloadAgreement.Way = .plain
  ) {
    var random = SeededGenerator(seed: seed)
    for count in 0..<40 {
      let plain = given { $0.outputFormatting = count.isMultiple(of: 2) ? [] : .withoutEscapingSlashes }
      #expect(plain.check(Sample.sample(&random), seed: seed) == way)
      let sorting = given { $0.outputFormatting = .sortedKeys }
      #expect(sorting.check(Sample.sample(&random), seed: seed) != .refused)
      #expect(sorting.check([Sample.sample(&random)], seed: seed) != .refused)
    }
  }

  @Test("Values that stand alone, and containers of nothing")
  func alone() {
    #expect(foundation.check(7) == .plain)
    #expect(foundation.check(Int128.max) == .plain)
    #expect(foundation.check(UInt128.max) == .plain)
    #expect(foundation.check("") == .plain)
    #expect(foundation.check("\u{0}\u{1F}\u{7F}\u{80}\u{2028}\"\\/é👩‍👧") == .plain)
    #expect(foundation.check(Int?.none) == .plain)
    #expect(foundation.check([Int?.none, 1]) == .plain)
    #expect(foundation.check([[Int]]()) == .plain)
    #expect(foundation.check([String: Int]()) == .plain)
    #expect(foundation.check(["a": [String: [Int]]()]) == .plain)
    #expect(foundation.check(Empty()) != .refused)
    #expect(foundation.check([Empty(), Empty()]) == .plain)
    #expect(foundation.check(["a": Empty()]) == .plain)
    #expect(foundation.check(["é": 1]) == .plain)
    #expect(foundation.check(UUID()) == .plain)
  }

  @Test("Numbers of all forms")
  func numbers() {
    for number: Double in [
      0, -0.0, 1, -1, 0.1, 0.1 + 0.2, 1e15, 1e16, 1e22, 1e23, 1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      .pi, 100, 1.5,
    ] {
      #expect(foundation.check(number) == .plain)
      #expect(foundation.check(Float(number).isFinite ? Float(number) : 1) == .plain)
      #expect(foundation.check(Decimal(number)) == (Decimal(number).isFinite ? .plain : .left))
    }
    for number: Double in [.nan, .infinity, -.infinity] {
      #expect(foundation.check(number) == .refused)
      #expect(foundation.check(["a": [number]]) == .refused)
      #expect(foundation.check([Float(number)]) == .refused)
      let told = given {
        $0.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "+", negativeInfinity: "-", nan: "x")
      }
      #expect(told.check([number]) == .left)
      #expect(throws: Never.self) { try PayloadEncoder(by: told.encoder).encode([number]) }
    }
  }

  @Test("A name that comes twice counts as Foundation has it")
  func doubledMembers() {
    #expect(foundation.check(Pairs([("a", 1), ("b", 2), ("a", 3)])) == .left)
    #expect(foundation.check(Pairs([("\u{e9}", 1), ("e\u{301}", 2)])) == .left)
    for count in [2, 15, 16, 17, 18, 200] {
      let pairs = (0..<count).map { ("name \($0)", $0) }
      #expect(foundation.check(Pairs(pairs)) == .plain)
      for twice in [0, count / 2, count - 1] {
        #expect(foundation.check(Pairs(pairs + [("name \(twice)", -1)])) == .left)
        #expect(foundation.check([Pairs([("name \(twice)", -1)]), Pairs(pairs)]) == .plain)
      }
    }
  }

  @Test("Dates and data by the encoder's strategies")
  func strategies() {
    let dates: [JSONEncoder.DateEncodingStrategy] = [
      .deferredToDate, .secondsSince1970, .millisecondsSince1970, .iso8601,
      .custom { date, encoder in try ["at": date.timeIntervalSince1970].encode(to: encoder) },
      .custom { _, _ in },
    ]
    let data: [JSONEncoder.DataEncodingStrategy] = [
      .base64, .deferredToData, .custom { data, encoder in try data.reversed().encode(to: encoder) },
    ]
    var random = SeededGenerator(seed: 1)
    for dates in dates {
      for data in data {
        let told = given { ($0.dateEncodingStrategy, $0.dataEncodingStrategy) = (dates, data) }
        for _ in 0..<8 { #expect(told.check(FoundationSample.sample(&random)) == .plain) }
        #expect(told.check([Date(timeIntervalSince1970: 0.25)]) == .plain)
        #expect(told.check([Data([0xFF, 0xFE, 0xFF])]) == .plain)
      }
    }
    let iso = PayloadWritingAgreement(encoder: PayloadCoding.iso8601Dates.encoder)
    for _ in 0..<20 { #expect(iso.check(FoundationSample.sample(&random)) == .plain) }
    let refusing = given {
      $0.dateEncodingStrategy = .custom { _, encoder in
        throw EncodingError.invalidValue(0, .init(codingPath: encoder.codingPath, debugDescription: ""))
      }
    }
    #expect(refusing.check(FoundationSample.sample(&random)) == .refused)
  }

  @Test("An encoder with other rules, or an app's subclass, encodes by itself")
  func otherRules() throws {
    final class Own: JSONEncoder, @unchecked Sendable {
      override func encode<Value: Encodable>(_ value: Value) throws -> Data { Data("42".utf8) }
    }
    #expect(try PayloadEncoder(by: Own()).encode(Number(number: 1)) == Data("42".utf8))
    for change: (JSONEncoder) -> Void in [
      { $0.outputFormatting = .prettyPrinted }, { $0.outputFormatting = [.sortedKeys, .prettyPrinted] },
      { $0.keyEncodingStrategy = .convertToSnakeCase },
      { $0.keyEncodingStrategy = .custom { $0.last ?? JSONPathKey(stringValue: "") } },
    ] {
      #expect(PlainEncoding(by: given(change).encoder) == nil)
      #expect(given(change).check(["oneName": [1, 2]]) == .left)
    }
    let sorting = given { $0.outputFormatting = .sortedKeys }
    #expect(sorting.check(Number(number: 1)) == .plain)
    #expect(sorting.check(["b": 1, "a": 2, "C": 3]) == .left)
  }

  @Test("Containers are used as Foundation allows it, or left to it")
  func containers() {
    typealias Key = JSONPathKey
    func key(_ name: String) -> Key { Key(stringValue: name) }
    func check(_ way: PayloadAgreement.Way, line: Int = #line, _ encode: @escaping (any Encoder) throws -> Void) {
      #expect(foundation.check(["x": Made(encode: encode)]) == way, "line \(line)")
      #expect(foundation.check([Made(encode: encode), Made(encode: { try 7.encode(to: $0) })]) == way, "line \(line)")
    }
    // Asked for again, as a subclass does whose superclass has the same encoder.
    check(.plain) { encoder in
      var one = encoder.container(keyedBy: Key.self)
      try one.encode(1, forKey: key("a"))
      var other = encoder.container(keyedBy: Key.self)
      try other.encode(2, forKey: key("b"))
      try one.encode([3], forKey: key("c"))
    }
    check(.plain) { encoder in
      var one = encoder.unkeyedContainer()
      try one.encode("a")
      var other = encoder.unkeyedContainer()
      try other.encodeNil()
      #expect(one.count == 2 && other.count == 2)
    }
    // Never written to.
    check(.plain) { _ = $0.container(keyedBy: Key.self) }
    check(.plain) { _ = $0.unkeyedContainer() }
    check(.plain) { _ = $0.singleValueContainer() }
    check(.plain) { encoder in
      var container = encoder.container(keyedBy: Key.self)
      _ = container.nestedUnkeyedContainer(forKey: key("a"))
      _ = container.nestedContainer(keyedBy: Key.self, forKey: key("b"))
      try container.encode(1, forKey: key("c"))
    }
    // Two nested ones, written to by turns.
    check(.left) { encoder in
      var container = encoder.container(keyedBy: Key.self)
      var one = container.nestedContainer(keyedBy: Key.self, forKey: key("one"))
      var two = container.nestedUnkeyedContainer(forKey: key("two"))
      try one.encode(1, forKey: key("a"))
      try two.encode(2)
      try one.encode(3, forKey: key("b"))
    }
    // An error that is swallowed leaves nothing of its member.
    check(.left) { encoder in
      var container = encoder.container(keyedBy: Key.self)
      try? container.encode(Double.nan, forKey: key("a"))
      try container.encode(1, forKey: key("b"))
    }
    check(.left) { encoder in
      var container = encoder.container(keyedBy: Key.self)
      try? container.encode(Made(encode: { _ in throw CancellationError() }), forKey: key("a"))
      try container.encode(1, forKey: key("b"))
    }
    check(.refused) { _ in throw CancellationError() }
    // How many there are, told to one of them.
    check(.left) { encoder in
      var list = encoder.unkeyedContainer()
      let view = list
      for _ in 0..<3 { try list.encode(Made(encode: { try view.count.encode(to: $0) })) }
    }
    // Paths and encoders for superclasses: what an app may rely on with Foundation must not end it here.
    check(.left) { encoder in
      let isMember = encoder.codingPath.last?.stringValue == "x"
      #expect(isMember || encoder.codingPath.last?.intValue == 0)
      var outer = encoder.container(keyedBy: Key.self)
      var inner = outer.nestedContainer(keyedBy: Key.self, forKey: key("a\"/b"))
      try inner.encode(1, forKey: key("c"))
      #expect(inner.codingPath.map(\.stringValue).last == "a\"/b" && inner.codingPath.count == 2)
    }
    check(.left) { encoder in
      var list = encoder.unkeyedContainer()
      var other = list.superEncoder().unkeyedContainer()
      while other.count < 3 { try other.encode(1) }
    }
    check(.left) { encoder in
      var container = encoder.container(keyedBy: Key.self)
      var late = container.nestedUnkeyedContainer(forKey: key("a"))
      try container.encode(1, forKey: key("b"))
      do { try late.encode(2) } catch { Issue.record("Foundation has no error here: \(error)") }
    }
    check(.left) { try $0.codingPath.map(\.stringValue).encode(to: $0) }
    check(.left) { encoder in
      let container = encoder.container(keyedBy: Key.self)
      _ = container.codingPath
    }
    check(.left) { encoder in
      var container = encoder.unkeyedContainer()
      try 1.encode(to: container.superEncoder())
      try container.encode(2)
    }
    // The outer container, from within a value of it.
    check(.left) { encoder in
      var outer = encoder.container(keyedBy: Key.self)
      let kept = outer
      try outer.encode(
        Made(encode: { inner in
          var kept = kept
          try kept.encode(1, forKey: key("a"))
          try 2.encode(to: inner)
        }),
        forKey: key("b")
      )
    }
    // An encoder that is used after its value has ended.
    check(.left) { encoder in
      nonisolated(unsafe) var late: (any UnkeyedEncodingContainer)?
      var outer = encoder.unkeyedContainer()
      try outer.encode(
        Made(encode: { inner in
          var list = inner.unkeyedContainer()
          try list.encode(1)
          late = list
        })
      )
      try outer.encode(2)
      try late?.encode(3)
    }
  }

  @Test("Objects are left to Foundation: some stand for values that it treats apart")
  func objects() {
    #expect(foundation.check(Kind()) == .left)
    #expect(foundation.check([Kind()]) == .left)
  }

  @Test("Depth")
  func depth() {
    for depth in [1, 62, 63, 64, 65, 200] {
      #expect(foundation.check(Nested(depth: depth)) == (depth <= 64 ? .plain : .left))
    }
  }

  @Test("An app's encode(to:) reads what the encoder was given")
  func surroundings() {
    struct Tenant: Encodable {
      func encode(to encoder: any Encoder) throws {
        try (encoder.userInfo[TenantSample.key] as? String ?? "none").encode(to: encoder)
      }
    }
    #expect(foundation.check([Tenant()]) == .plain)
    #expect(given { $0.userInfo[TenantSample.key] = "acme" }.check([Tenant()]) == .plain)
  }

  @Test("A type that is in vain many times is left to Foundation, others are not")
  func misses() throws {
    let encoder = PayloadEncoder(by: JSONEncoder())
    func runs(_ isOdd: Bool) throws -> Int {
      let counter = Counter()
      _ = try encoder.encode(Counted(counter: counter, isOdd: isOdd))
      return counter.count
    }
    #expect(try runs(false) == 1)
    for _ in 0..<16 { #expect(try runs(true) == 2) }
    #expect(try runs(true) == 1)
    #expect(try runs(false) == 1)
    // What cannot be encoded at all says nothing of the type.
    for _ in 0..<20 { #expect(throws: EncodingError.self) { try encoder.encode([Double.nan]) } }
    #expect(try encoder.encode([1.0]) == Data("[1]".utf8))
  }

  @Test("Tasks, events and results are encoded that way")
  func uses() throws {
    struct Ordered: Encodable { var b = 1, a = 2, c = "x/y" }
    let task = try NewTask(Ordered(), as: "ordered")
    #expect(String(decoding: task.payload, as: UTF8.self) == #"{"b":1,"a":2,"c":"x\/y"}"#)
    let event = try FlowEvent("paid", Ordered(), retention: .seconds(60), coding: .standard)
    #expect(event.payload == task.payload)
    guard case .completedWith(let result) = try TaskOutcome.completed(result: Ordered()).kind else {
      Issue.record("A result is missing.")
      return
    }
    #expect(String(decoding: result, as: UTF8.self) == #"{"a":2,"b":1,"c":"x/y"}"#)
  }

  @Test("An encoder may be changed until it is needed first")
  func lateChange() throws {
    let coding = PayloadCoding()
    coding.encoder.dateEncodingStrategy = .secondsSince1970
    let date = Date(timeIntervalSince1970: 7)
    #expect(try NewTask([date], as: "dates", coding: coding).payload == Data("[7]".utf8))
    #expect(try FlowEvent("dates", [date], retention: .seconds(60), coding: coding).payload == Data("[7]".utf8))
  }
}

private struct Pairs: Encodable {
  let pairs: [(String, Int)]

  init(_ pairs: [(String, Int)]) { self.pairs = pairs }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: JSONPathKey.self)
    for (name, value) in pairs { try container.encode(value, forKey: JSONPathKey(stringValue: name)) }
  }
}

private struct Made: Encodable {
  let encode: (any Encoder) throws -> Void

  func encode(to encoder: any Encoder) throws { try encode(encoder) }
}

private struct Nested: Encodable {
  let depth: Int

  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    if depth > 1 { try container.encode(Nested(depth: depth - 1)) } else { try container.encode(1) }
  }
}

private final class Kind: Encodable {
  var name = "x"
}

private final class Counter {
  var count = 0
}

private struct Counted: Encodable {
  let counter: Counter
  let isOdd: Bool

  func encode(to encoder: any Encoder) throws {
    counter.count += 1
    if isOdd { _ = encoder.codingPath }
    try 1.encode(to: encoder)
  }
}
