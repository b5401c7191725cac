import Foundation
import SeededRandom

/// Swallows errors, and tells them apart.
struct LossySample: PayloadSample {
  struct Anything: Codable, Equatable {}

  var number: Int
  var kinds: String
  var numbers: [Int]

  enum Key: String, CodingKey { case number, small, numbers }

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(number: random.integer(), kinds: "", numbers: random.list { $0.integer() })
  }
  init(number: Int, kinds: String, numbers: [Int]) {
    (self.number, self.kinds, self.numbers) = (number, kinds, numbers)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    number = (try? container.decode(Int.self, forKey: .number)) ?? -1
    kinds = ""
    do { _ = try container.decode(Int8.self, forKey: .small) } catch let error as DecodingError {
      switch error {
      case .keyNotFound: kinds = "missing"
      case .typeMismatch: kinds = "mismatch"
      case .valueNotFound: kinds = "null"
      default: kinds = "corrupted"
      }
    } catch { kinds = "another" }
    numbers = []
    guard var list = try? container.nestedUnkeyedContainer(forKey: .numbers) else { return }
    while !list.isAtEnd {
      if let number = try? list.decode(Int.self) {
        numbers.append(number)
      } else if (try? list.decode(Anything.self)) == nil {
        break
      }
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(number, forKey: .number)
    try container.encode(numbers, forKey: .numbers)
  }
}

/// Any JSON, found by trying.
indirect enum AnyJSONSample: PayloadSample {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case text(String)
  case array([AnyJSONSample])
  case object([String: AnyJSONSample])

  static func sample(_ random: inout SeededGenerator) -> Self {
    switch Int.random(in: 0..<9, using: &random) {
    case 0: .null
    case 1: .bool(random.chance(50))
    case 2, 3: .int(random.integer())
    case 4: .double(random.double())
    case 5, 6: .text(random.text())
    case 7: .array(random.list(3) { sample(&$0) })
    default: .object(Dictionary(random.list(3) { ($0.text(8), sample(&$0)) }) { one, _ in one })
    }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([AnyJSONSample].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: AnyJSONSample].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

/// Reads where it is, and what the decoder was given.
struct PathSample: PayloadSample {
  struct Place: Codable, Equatable {
    var path: String
    var note: String

    init(_ note: String) { (path, self.note) = ("", note) }

    init(from decoder: any Decoder) throws {
      note = try decoder.singleValueContainer().decode(String.self)
      path = decoder.codingPath.map { "\($0.stringValue)/\($0.intValue ?? -1)/\(type(of: $0))" }.joined(separator: ".")
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(note)
    }
  }

  var places: [Place]
  var byName: [String: Place]
  var byNumber: [Int: Place]

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(
      places: random.list { Place($0.text()) },
      byName: Dictionary(random.list { ($0.text(5), Place($0.text())) }) { one, _ in one },
      byNumber: Dictionary(random.list { ($0.integer(), Place($0.text())) }) { one, _ in one }
    )
  }
}

struct TenantSample: PayloadSample {
  static let key = CodingUserInfoKey(rawValue: "tenant")!

  var number: Int
  var tenant: String

  enum CodingKeys: CodingKey { case number }

  static func sample(_ random: inout SeededGenerator) -> Self { Self(number: random.integer(), tenant: "") }
  init(number: Int, tenant: String) { (self.number, self.tenant) = (number, tenant) }

  init(from decoder: any Decoder) throws {
    number = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .number)
    tenant = decoder.userInfo[Self.key] as? String ?? "none"
  }
}

/// A subclass with a part for its superclass.
struct HeritageSample: PayloadSample {
  class Base: Codable {
    var name: String
    init(_ name: String) { self.name = name }
  }

  final class Derived: Base {
    var count: Int
    enum CodingKeys: CodingKey { case count, base }

    init(_ name: String, _ count: Int) {
      self.count = count
      super.init(name)
    }

    required init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      count = try container.decode(Int.self, forKey: .count)
      try super.init(from: count.isMultiple(of: 2) ? container.superDecoder() : container.superDecoder(forKey: .base))
    }

    override func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(count, forKey: .count)
      try super.encode(to: count.isMultiple(of: 2) ? container.superEncoder() : container.superEncoder(forKey: .base))
    }
  }

  var derived: Derived

  static func sample(_ random: inout SeededGenerator) -> Self {
    Self(derived: Derived(random.text(), random.integer()))
  }
  static func == (one: Self, other: Self) -> Bool {
    one.derived.name == other.derived.name && one.derived.count == other.derived.count
  }
}

/// Keeps the decoders of its parts, and reads them afterwards: where Foundation's then stands elsewhere, so does what comes of it.
struct KeptSample: PayloadSample {
  struct Kept: Decodable {
    let decoder: any Decoder
    init(from decoder: any Decoder) throws { self.decoder = decoder }
  }

  var values: [String]

  enum CodingKeys: CodingKey { case values }

  static func sample(_ random: inout SeededGenerator) -> Self { Self(values: random.list { $0.text() }) }
  init(values: [String]) { self.values = values }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let kept = try container.decode([Kept].self, forKey: .values)
    values = kept.map { part in (try? String(from: part.decoder)) ?? "elsewhere" }
  }
}
