#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One writing of one JSON text, from its beginning to its end. Encoders and containers are views of it.
///
/// Whatever Foundation might do in another way makes it doubtful: a container that is written to after another one beside it, a name that comes
/// twice, a path that is asked for, an error. Whoever made the writing then throws it away. An app's `encode(to:)` is not told: it may not expect
/// an error where Foundation has none, so the rest is written in vain.
final class JSONWriting {
  private static let maxDepth = 64
  /// Names of an object that are compared one by one.
  private static let maxCompared = 16

  /// A container as its views know it. Small enough for views that need no memory of their own.
  struct Place {
    static let nowhere = Place(depth: -1, serial: -1)

    fileprivate let depth: Int32
    fileprivate let serial: Int32

    /// Open containers around a value in it.
    var valueDepth: Int { Int(depth) + 1 }
  }

  private struct Container {
    let isObject: Bool
    let place: Place
    /// Where it begins.
    let start: Int
    let firstName: Int
    var count = 0
  }

  let rules: PlainEncoding
  // Safety: what is unchecked is read or set in one step, never held while something else runs.
  @exclusivity(unchecked)
  private var text: [UInt8] = []
  /// Containers that are not closed, the outermost first.
  @exclusivity(unchecked)
  private var open: [Container] = []
  /// Where the names of the open objects stand.
  @exclusivity(unchecked)
  private var names: [Range<Int>] = []
  @exclusivity(unchecked)
  private var serial: Int32 = 0
  /// Open containers around the value whose `encode(to:)` runs.
  @exclusivity(unchecked)
  private var floor = 0
  /// Stays: an app's `encode(to:)` may swallow errors.
  @exclusivity(unchecked)
  private var isDoubtful = false

  init(_ rules: PlainEncoding) {
    self.rules = rules
    text.reserveCapacity(128)
  }

  /// - Returns: nil: doubtful.
  func finish() -> Data? { isDoubtful ? nil : Data(text) }

  func doubt() { isDoubtful = true }

  /// Where the value or container is that so many open ones are around. Its keys are not those that types declare.
  func path(depth: Int) -> [any CodingKey] {
    doubt()
    return open.indices.prefix(max(depth, 0)).map { index in
      let holder = open[index]
      let next = index + 1 < open.count ? open[index + 1].firstName : names.count
      guard holder.isObject, next > holder.firstName else {
        return JSONPathKey(stringValue: "Index \(holder.count - 1)", intValue: holder.count - 1)
      }
      let name = text[names[next - 1]].dropFirst().dropLast()
      return JSONPathKey(stringValue: name.withUnsafeBufferPointer(JSONEscapes.unescaped) ?? "")
    }
  }

  // MARK: Values

  /// Runs the `encode(to:)` of a value. One that writes nothing is an empty object, but not as the whole text.
  func within(_ encode: (any Encoder) throws -> Void) throws {
    let (outer, start) = (floor, text.count)
    floor = open.count
    do { try encode(JSONValueWriter(self, depth: floor, start: start)) } catch {
      doubt()
      throw error
    }
    close(downTo: floor)
    if text.count == start {
      if start == 0 { doubt() }
      append("{}")
    }
    floor = outer
  }

  /// - Parameters: those of the encoder that wants to write a single value: there must be none yet.
  @inline(__always)
  func beginValue(depth: Int, start: Int) {
    if text.count != start || floor != depth { doubt() }
  }

  // MARK: Containers

  /// The container of an encoder, which may ask for it again.
  func container(isObject: Bool, depth: Int, start: Int) -> Place {
    if floor == depth {
      if text.count == start { return begin(isObject: isObject) }
      if depth < open.count, open[depth].start == start, open[depth].isObject == isObject { return open[depth].place }
    }
    doubt()
    return .nowhere
  }

  /// A container where the next value belongs.
  func begin(isObject: Bool) -> Place {
    if open.count >= Self.maxDepth { doubt() }
    serial &+= 1
    let place = Place(depth: Int32(truncatingIfNeeded: open.count), serial: serial)
    open.append(Container(isObject: isObject, place: place, start: text.count, firstName: names.count))
    text.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    return place
  }

  /// Closes what was begun within the container, and says that one more value follows.
  @inline(__always)
  func beginElement(in place: Place) {
    guard let depth = depth(of: place) else { return }
    close(downTo: depth + 1)
    if open[depth].count > 0 { text.append(UInt8(ascii: ",")) }
    open[depth].count += 1
  }

  /// Elements so far. nil: doubtful; while one of them is encoded, for instance.
  func count(_ place: Place) -> Int? { depth(of: place).map { open[$0].count } }

  /// Where an open container is. nil: doubtful.
  @inline(__always)
  private func depth(of place: Place) -> Int? {
    let depth = Int(place.depth)
    if depth >= floor, depth < open.count, open[depth].place.serial == place.serial { return depth }
    doubt()
    return nil
  }

  @inline(__always)
  func beginMember(_ name: String, in place: Place) {
    beginElement(in: place)
    let start = text.count
    string(name)
    names.append(start..<text.count)
    text.append(UInt8(ascii: ":"))
  }

  @inline(__always)
  private func close(downTo depth: Int) {
    while open.count > depth, let container = open.popLast() {
      text.append(container.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
      guard container.isObject else { continue }
      let count = names.count - container.firstName
      if count > 1, rules.sortsKeys || !areNamesDistinct(names[container.firstName...]) { doubt() }
      names.removeLast(count)
    }
  }

  private func areNamesDistinct(_ names: ArraySlice<Range<Int>>) -> Bool {
    // Names that are not ASCII may be the same in other bytes.
    let isShort = names.count <= Self.maxCompared && !names.contains { text[$0].contains { $0 >= 0x80 } }
    guard isShort else { return Set(names.map { String(decoding: text[$0], as: UTF8.self) }).count == names.count }
    for index in names.indices {
      for other in names[..<index] where other.count == names[index].count {
        if text[other].elementsEqual(text[names[index]]) { return false }
      }
    }
    return true
  }

  // MARK: Text

  @inline(__always)
  func append(_ plain: String) {
    var plain = plain
    plain.withUTF8 { text.append(contentsOf: $0) }
  }

  /// Quoted, with Foundation's escapes.
  func string(_ value: String) {
    var value = value
    text.append(UInt8(ascii: "\""))
    value.withUTF8 { bytes in
      var start = 0
      for index in bytes.indices where needsEscape(bytes[index]) {
        text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
        escape(bytes[index])
        start = index + 1
      }
      text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
    text.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
      || (byte == UInt8(ascii: "/") && rules.escapesSlashes)
  }

  private func escape(_ byte: UInt8) {
    switch byte {
    case 0x08: append("\\b")
    case 0x0C: append("\\f")
    case UInt8(ascii: "\n"): append("\\n")
    case UInt8(ascii: "\r"): append("\\r")
    case UInt8(ascii: "\t"): append("\\t")
    case ..<0x20: append((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
    default:
      text.append(UInt8(ascii: "\\"))
      text.append(byte)
    }
  }
}
