import Foundation
import SeededRandom

/// A type of payload that can be made up.
protocol PayloadSample: Codable, Equatable {
  static func sample(_ random: inout SeededGenerator) -> Self
}

extension SeededGenerator {
  private static let letters = [
    "a", "B", "0", " ", "\"", "\\", "/", "\n", "\t", "\u{8}", "\u{1}", "\u{7f}", "é", "e\u{301}", "ß", "漢", "👩‍👧",
    "\u{212A}", "\u{2028}",
  ]

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func text(_ maxLength: Int = 24, plain: Int = 60) -> String {
    let isPlain = chance(plain)
    return (0..<Int.random(in: 0...maxLength, using: &self)).map { _ in
      isPlain
        ? "abcdefghij-XYZ 019".randomElement(using: &self).map { String($0) } ?? ""
        : Self.letters.randomElement(using: &self) ?? ""
    }.joined()
  }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
    switch Int.random(in: 0..<4, using: &self) {
    case 0: return [Value.min, .max, 0, 1, .max - 1].randomElement(using: &self) ?? 0
    case 1: return Value.random(in: .min ... .max, using: &self)
    default: return Value.random(in: 0...100, using: &self)
    }
  }

  mutating func double() -> Double {
    switch Int.random(in: 0..<5, using: &self) {
    case 0:
      return [0, -0.0, 1, -1, 0.1 + 0.2, 1e22, 1e23, .greatestFiniteMagnitude, .leastNonzeroMagnitude].randomElement(
        using: &self
      ) ?? 0
    case 1:
      let value = Double(bitPattern: next())
      return value.isFinite ? value : 0.5
    case 2: return Double(Int.random(in: -100_000...100_000, using: &self)) / 100
    case 3: return Double(integer(Int64.self))
    default: return Double.random(in: -1...1, using: &self)
    }
  }

  mutating func float() -> Float {
    let value = Float(bitPattern: UInt32(truncatingIfNeeded: next()))
    return chance(50) && value.isFinite ? value : Float(Int.random(in: -1_000...1_000, using: &self)) / 8
  }

  mutating func maybe<Value>(_ make: (inout SeededGenerator) -> Value) -> Value? { chance(40) ? nil : make(&self) }

  mutating func list<Value>(_ maxCount: Int = 5, _ make: (inout SeededGenerator) -> Value) -> [Value] {
    (0..<Int.random(in: 0...maxCount, using: &self)).map { _ in make(&self) }
  }

  mutating func uuid() -> UUID {
    let (one, two) = (next(), next())
    return withUnsafeBytes(of: (one, two)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
  }

  mutating func date() -> Date {
    Date(timeIntervalSinceReferenceDate: Double(Int.random(in: -1_000_000...900_000_000, using: &self)) / 8)
  }
}

struct NumberSample: PayloadSample {
  var a: Int, b: Int8, c: Int16, d: Int32, e: Int64, f: UInt, g: UInt8, h: UInt16, i: UInt32, j: UInt64
  var isTrue: Bool
  var double: Double
  var float: Float

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      a: random.integer(),
      b: random.integer(),
      c: random.integer(),
      d: random.integer(),
      e: random.integer(),
      f: random.integer(),
      g: random.integer(),
      h: random.integer(),
      i: random.integer(),
      j: random.integer(),
      isTrue: random.chance(50),
      double: random.double(),
      float: random.float()
    )
  }

  /// Zeros with different signs are not the same.
  static func == (one: Self, other: Self) -> Bool {
    func bits(_ value: Self) -> [UInt64] {
      [value.double.bitPattern, UInt64(value.float.bitPattern), value.j, UInt64(value.i), UInt64(value.f)]
    }
    func small(_ value: Self) -> [Int64] {
      [
        Int64(value.a), Int64(value.b), Int64(value.c), Int64(value.d), value.e, Int64(value.g), Int64(value.h),
        value.isTrue ? 1 : 0,
      ]
    }
    return bits(one) == bits(other) && small(one) == small(other)
  }
}

struct WideSample: PayloadSample {
  var signed: Int128
  var unsigned: UInt128?

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(signed: Int128(random.integer(Int64.self)), unsigned: random.maybe { UInt128($0.integer(UInt64.self)) })
  }
}

struct OptionalSample: PayloadSample {
  var a: Int?, b: Int8?, c: UInt64?, d: Bool?, e: Double?, f: Float?, g: String?, h: UUID?, i: [Int]?, j: [String: Int]?
  var list: [Int?]
  var nested: [String?]?

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      a: random.maybe { $0.integer() },
      b: random.maybe { $0.integer() },
      c: random.maybe { $0.integer() },
      d: random.maybe { $0.chance(50) },
      e: random.maybe { $0.double() },
      f: random.maybe { $0.float() },
      g: random.maybe { $0.text() },
      h: random.maybe { $0.uuid() },
      i: random.maybe { $0.list { $0.integer() } },
      j: random.maybe { Dictionary($0.list { ($0.text(6), $0.integer()) }) { one, _ in one } },
      list: random.list { $0.maybe { $0.integer() } },
      nested: random.maybe { $0.list { $0.maybe { $0.text() } } }
    )
  }
}

struct TreeSample: PayloadSample {
  var name: String
  var children: [TreeSample]
  var byName: [String: TreeSample]?

  static func sample(_ random: inout SeededGenerator) -> Self { sample(&random, depth: 3) }

  private static func sample(_ random: inout SeededGenerator, depth: Int) -> Self {
    let children = depth == 0 ? [] : random.list(3) { sample(&$0, depth: depth - 1) }
    let named =
      depth == 0 ? nil : random.maybe { $0.list(2) { ($0.text(8, plain: 80), sample(&$0, depth: depth - 1)) } }
    return Self(name: random.text(), children: children, byName: named.map { Dictionary($0) { one, _ in one } })
  }
}

enum EventSample: PayloadSample {
  case started
  case moved(x: Int, y: Int?)
  case named(String, since: Double)
  indirect case both(EventSample, EventSample)

  static func sample(_ random: inout SeededGenerator) -> Self {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: .started
    case 1, 2: .moved(x: random.integer(), y: random.maybe { $0.integer() })
    case 3: .named(random.text(), since: random.double())
    default: .both(sample(&random), sample(&random))
    }
  }
}

struct CollectionSample: PayloadSample {
  enum Color: String, Codable, CodingKeyRepresentable {
    case red
    case green = "gr\u{fc}n"
    case blue
  }
  enum Level: Int, Codable {
    case low
    case high = 7
  }

  var numbers: [Int]
  var doubles: [Double]
  var texts: [String]
  var labels: [String: String]
  var counts: [String: Int]
  var byNumber: [Int: String]
  var byColor: [Color: Int]
  var levels: [Level]
  var names: Set<String>
  var matrix: [[Int]]

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      numbers: random.list { $0.integer() },
      doubles: random.list { $0.double() },
      texts: random.list { $0.text() },
      labels: Dictionary(random.list(random.chance(10) ? 60 : 4) { ($0.text(8), $0.text()) }) { one, _ in one },
      counts: Dictionary(random.list(random.chance(10) ? 60 : 4) { ($0.text(8, plain: 95), $0.integer()) }) { one, _ in
        one
      },
      byNumber: Dictionary(random.list { ($0.integer(), $0.text()) }) { one, _ in one },
      byColor: random.chance(50) ? [.red: 1, .blue: random.integer()] : [:],
      levels: random.list { $0.chance(50) ? .low : .high },
      names: Set(random.list { $0.text() }),
      matrix: random.list { $0.list { $0.integer() } }
    )
  }
}

struct FoundationSample: PayloadSample {
  var id: UUID
  var at: Date
  var seen: Date?
  var link: URL
  var price: Decimal
  var data: Data
  var dates: [Date]

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      id: random.uuid(),
      at: random.date(),
      seen: random.maybe { $0.date() },
      link: URL(fileURLWithPath: "/" + random.text(8, plain: 100)),
      price: Decimal(random.integer(Int32.self)) / 100,
      data: Data(random.list(9) { $0.integer(UInt8.self) }),
      dates: random.list { $0.date() }
    )
  }
}

/// Containers by hand, within each other.
struct HandmadeSample: PayloadSample {
  var x: Int
  var note: String?
  var pair: [Double]
  var rest: [Int?]

  enum Key: String, CodingKey { case outer, inner, list, x, note }

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      x: random.integer(),
      note: random.maybe { $0.text() },
      pair: [random.double(), random.double()],
      rest: random.list { $0.maybe { $0.integer() } }
    )
  }

  init(x: Int, note: String?, pair: [Double], rest: [Int?]) {
    (self.x, self.note, self.pair, self.rest) = (x, note, pair, rest)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let inner = try container.nestedContainer(keyedBy: Key.self, forKey: .outer).nestedContainer(
      keyedBy: Key.self,
      forKey: .inner
    )
    x = try inner.decode(Int.self, forKey: .x)
    let isNoted = try inner.contains(.note) && !inner.decodeNil(forKey: .note)
    note = isNoted ? try inner.decode(String.self, forKey: .note) : nil
    var list = try container.nestedUnkeyedContainer(forKey: .list)
    var numbers = try list.nestedUnkeyedContainer()
    pair = [try numbers.decode(Double.self), try numbers.decode(Double.self)]
    if try list.nestedContainer(keyedBy: Key.self).allKeys.count > 5 {
      throw DecodingError.dataCorruptedError(in: list, debugDescription: "Many.")
    }
    rest = []
    while !list.isAtEnd, let count = list.count, list.currentIndex < count {
      if try list.decodeNil() { rest.append(nil) } else { rest.append(try list.decodeIfPresent(Int.self)) }
    }
    let afterEnd = try list.decodeIfPresent(Int.self)
    if afterEnd != nil || list.currentIndex != (list.count ?? 0) + 1 { x = -1 }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    var outer = container.nestedContainer(keyedBy: Key.self, forKey: .outer)
    var inner = outer.nestedContainer(keyedBy: Key.self, forKey: .inner)
    try inner.encode(x, forKey: .x)
    if let note { try inner.encode(note, forKey: .note) } else { try inner.encodeNil(forKey: .note) }
    var list = container.nestedUnkeyedContainer(forKey: .list)
    var numbers = list.nestedUnkeyedContainer()
    for number in pair { try numbers.encode(number) }
    var object = list.nestedContainer(keyedBy: Key.self)
    try object.encode(1, forKey: .x)
    for number in rest { try list.encode(number) }
  }
}
