#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One reading of one JSON text. Decoders and containers are views of it.
///
/// It answers as Foundation would wherever a value comes of it. Errors are of Foundation's cases, so that code that catches them takes the same
/// way, but not of its words: whoever made the reading throws away all that came of a doubtful one, and asks Foundation.
final class JSONReading {
  /// Members of an object that are looked through before its names are indexed.
  private static let maxSteps = 32
  /// No node, which reads as null.
  static let absent = -1

  let rules: PlainDecoding
  // Safety: what is unchecked is read or set in one step, never held while something else runs.
  @exclusivity(unchecked)
  private(set) var bytes: UnsafeBufferPointer<UInt8>
  @exclusivity(unchecked)
  private var nodes: UnsafeMutableBufferPointer<JSONNode>
  private var isOwner = false
  /// By object, where there are many members.
  private var indexes: [Int: [String: Int]] = [:]
  /// The node whose `init(from:)` runs.
  @exclusivity(unchecked)
  var current = 0
  /// Something was asked or met that only Foundation answers exactly. Stays: an app's `init(from:)` may swallow errors.
  @exclusivity(unchecked)
  var isDoubtful = false
  /// How often Foundation was asked for a single value.
  var detours = 0

  /// - Parameters: both have to stay until the last use, or ``keep()``.
  init(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ nodes: UnsafeMutableBufferPointer<JSONNode>,
    _ rules: PlainDecoding
  ) {
    self.bytes = bytes
    self.nodes = nodes
    self.rules = rules
  }

  deinit {
    guard isOwner else { return }
    bytes.deallocate()
    nodes.deallocate()
  }

  /// Takes copies: somebody kept a decoder or a container for later.
  func keep() {
    let text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = text.initialize(from: bytes)
    let copy = UnsafeMutableBufferPointer<JSONNode>.allocate(capacity: nodes.count)
    _ = copy.initialize(from: nodes)
    bytes = UnsafeBufferPointer(text)
    nodes = copy
    isOwner = true
  }

  // MARK: Nodes

  @inline(__always)
  func kind(_ node: Int) -> JSONNode.Kind { node < 0 ? .null : nodes[node].kind }

  @inline(__always)
  func length(_ node: Int) -> Int { node < 0 ? 0 : Int(nodes[node].length) }

  @inline(__always)
  func next(_ node: Int) -> Int { Int(nodes[node].next) }

  /// Of a string or a number.
  @inline(__always)
  func text(_ node: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: bytes.baseAddress.unsafelyUnwrapped + Int(nodes[node].offset),
      count: Int(nodes[node].length)
    )
  }

  // MARK: Members

  /// The value of a member. Begins after the member that was found last: mostly they are asked for in their order.
  func member(_ name: String, of object: Int) -> Int? {
    var name = name
    let found = name.withUTF8 { wanted in search(wanted, in: object) }
    if let found { return found }
    if length(object) > Self.maxSteps, let indexed = index(of: object)[name] { return indexed }
    // Some characters that are not ASCII count as the same as one that is, for instance the sign for Kelvin.
    if !name.utf8.allSatisfy({ $0 < 0x80 }) { isDoubtful = true }
    return nil
  }

  private func search(_ wanted: UnsafeBufferPointer<UInt8>, in object: Int) -> Int? {
    let (members, end) = (length(object), next(object))
    guard members > 0 else { return nil }
    var node = Int(nodes[object].offset)
    for _ in 0..<min(members, Self.maxSteps) {
      if node == end { node = object + 1 }
      let value = node + 1
      if isText(node, wanted) {
        nodes[object].offset = nodes[value].next
        return value
      }
      node = next(value)
    }
    return nil
  }

  @inline(__always)
  private func isText(_ node: Int, _ wanted: UnsafeBufferPointer<UInt8>) -> Bool {
    guard nodes[node].length == wanted.count else { return false }
    let start = Int(nodes[node].offset)
    for index in 0..<wanted.count {
      guard bytes[start + index] == wanted[index] else { return false }
    }
    return true
  }

  private func index(of object: Int) -> [String: Int] {
    if let known = indexes[object] { return known }
    var index: [String: Int] = [:]
    index.reserveCapacity(length(object))
    forEachMember(of: object) { name, value in index[name] = value }
    indexes[object] = index
    return index
  }

  func forEachMember(of object: Int, _ body: (_ name: String, _ value: Int) throws -> Void) rethrows {
    var node = object + 1
    let end = next(object)
    while node < end {
      try body(String(decoding: text(node), as: UTF8.self), node + 1)
      node = next(node + 1)
    }
  }

  // MARK: What was not expected

  /// Where a node is. Its keys are not those that types declare, so what reads it is answered by Foundation in the end.
  func path(to target: Int) -> [any CodingKey] {
    isDoubtful = true
    var path: [any CodingKey] = []
    var holder = 0
    while holder < target, let (key, node) = step(from: holder, towards: target) {
      path.append(key)
      holder = node
    }
    return path
  }

  private func step(from holder: Int, towards target: Int) -> (JSONPathKey, Int)? {
    let isObject = kind(holder) == .object
    var (node, index) = (holder + 1, 0)
    while node < next(holder) {
      let value = isObject ? node + 1 : node
      if target >= value, target < next(value) {
        let name = isObject ? String(decoding: text(node), as: UTF8.self) : "Index \(index)"
        return (JSONPathKey(stringValue: name, intValue: isObject ? Int(name) : index), value)
      }
      node = next(value)
      index += 1
    }
    return nil
  }

  private func context(_ node: Int) -> DecodingError.Context {
    isDoubtful = true
    return DecodingError.Context(codingPath: path(to: node), debugDescription: "")
  }

  func mismatch(_ type: any Any.Type, _ node: Int) -> DecodingError {
    kind(node) == .null ? .valueNotFound(type, context(node)) : .typeMismatch(type, context(node))
  }

  func missing(_ key: some CodingKey, _ object: Int) -> DecodingError { .keyNotFound(key, context(object)) }
  func atEnd(_ type: any Any.Type, _ array: Int) -> DecodingError { .valueNotFound(type, context(array)) }
  func corrupted(_ node: Int) -> DecodingError { .dataCorrupted(context(node)) }
}

/// A key as it stands in the text.
struct JSONPathKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String, intValue: Int?) {
    self.stringValue = stringValue
    self.intValue = intValue
  }

  init(stringValue: String) { self.init(stringValue: stringValue, intValue: Int(stringValue)) }
  init(intValue: Int) { self.init(stringValue: "\(intValue)", intValue: intValue) }
}
