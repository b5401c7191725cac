/// Finds the values of a JSON text, and checks all of it, in one pass and without recursion.
///
/// Stricter than Foundation: what it takes is JSON as RFC 8259 has it, and names of members are ASCII without escapes and differ within their
/// object, so that they can be compared byte by byte. Whatever else there is, is left to Foundation.
struct JSONScan {
  /// Objects and arrays within each other. Foundation takes 512.
  static let maxDepth = 64
  /// Members of an object whose names are compared each with each.
  private static let maxPairwise = 16
  private static let maxProbes = 32

  private let bytes: UnsafeBufferPointer<UInt8>
  private let nodes: UnsafeMutableBufferPointer<JSONNode>
  private var at = 0
  private var count = 0
  /// The node of the innermost object or array that has not ended; none: -1.
  private var holder = -1
  private var depth = 0

  /// Each value has a byte of its own, and one between it and the next.
  static func maxNodes(_ byteCount: Int) -> Int { byteCount / 2 + 1 }

  /// - Parameter nodes: room for ``maxNodes(_:)``.
  /// - Returns: how many nodes there are; nil: something is not plain.
  static func nodeCount(
    of bytes: UnsafeBufferPointer<UInt8>,
    into nodes: UnsafeMutableBufferPointer<JSONNode>
  ) -> Int? {
    var scan = JSONScan(bytes: bytes, nodes: nodes)
    return scan.run() ? scan.count : nil
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, nodes: UnsafeMutableBufferPointer<JSONNode>) {
    self.bytes = bytes
    self.nodes = nodes
  }

  private mutating func run() -> Bool {
    skipSpace()
    guard value() else { return false }
    while holder >= 0 {
      skipSpace()
      let isObject = nodes[holder].kind == .object
      if peek == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
        guard close() else { return false }
        continue
      }
      if nodes[holder].length > 0 {
        guard take(UInt8(ascii: ",")) else { return false }
        skipSpace()
      }
      nodes[holder].length += 1
      guard !isObject || name(), value() else { return false }
    }
    skipSpace()
    return at == bytes.count
  }

  // MARK: Bytes

  /// 0, which JSON has nowhere: the end.
  @inline(__always)
  private var peek: UInt8 { at < bytes.count ? bytes[at] : 0 }

  @inline(__always)
  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    at += 1
    return true
  }

  @inline(__always)
  private mutating func skipSpace() {
    while at < bytes.count, Self.isSpace(bytes[at]) { at += 1 }
  }

  @inline(__always)
  private static func isSpace(_ byte: UInt8) -> Bool {
    byte <= 0x20 && (byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09)
  }

  @inline(__always)
  private mutating func append(_ kind: JSONNode.Kind, from start: Int, next: Int) -> Bool {
    guard count < nodes.count else { return false }
    nodes[count] = JSONNode(
      offset: UInt32(truncatingIfNeeded: start),
      length: UInt32(truncatingIfNeeded: at - start),
      next: UInt32(truncatingIfNeeded: next),
      kind: kind
    )
    count += 1
    return true
  }

  // MARK: Values

  private mutating func value() -> Bool {
    switch peek {
    case UInt8(ascii: "\""): return string() != nil
    case UInt8(ascii: "{"): return open(.object)
    case UInt8(ascii: "["): return open(.array)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
    case UInt8(ascii: "t"): return literal("true", .true)
    case UInt8(ascii: "f"): return literal("false", .false)
    case UInt8(ascii: "n"): return literal("null", .null)
    default: return false
    }
  }

  private mutating func literal(_ text: StaticString, _ kind: JSONNode.Kind) -> Bool {
    let start = at
    for index in 0..<text.utf8CodeUnitCount {
      guard take(text.utf8Start[index]) else { return false }
    }
    return append(kind, from: start, next: count + 1)
  }

  private mutating func number() -> Bool {
    let start = at
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) {
      guard digits() else { return false }
    }
    var kind = JSONNode.Kind.integer
    if take(UInt8(ascii: ".")) {
      kind = .number
      guard digits() else { return false }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      kind = .number
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() else { return false }
    }
    return append(kind, from: start, next: count + 1)
  }

  @inline(__always)
  private mutating func digits() -> Bool {
    let start = at
    while peek &- UInt8(ascii: "0") < 10 { at += 1 }
    return at > start
  }

  /// - Returns: whether it is plain ASCII. nil: it is not plain at all.
  private mutating func string() -> Bool? {
    at += 1
    let start = at
    var kind = JSONNode.Kind.string
    var all: UInt64 = 0
    skipText(&all)
    while at < bytes.count {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") {
        guard append(kind, from: start, next: count + 1) else { return nil }
        at += 1
        return kind == .string && all & Self.highBits == 0
      }
      guard byte >= 0x20 else { return nil }
      all |= UInt64(byte)
      at += 1
      if byte == UInt8(ascii: "\\") {
        kind = .escapedString
        guard escape() else { return nil }
        skipText(&all)
      }
    }
    return nil
  }

  /// After the backslash. Halves of characters are found where the string is read; of one that nobody reads Foundation takes them too.
  private mutating func escape() -> Bool {
    let byte = peek
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return true
    case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): return true
    case UInt8(ascii: "u"):
      for _ in 0..<4 {
        guard UUIDText.digit(peek) != nil else { return false }
        at += 1
      }
      return true
    default: return false
    }
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// Skips, by eight, bytes that neither end a string nor escape, nor may not be in one (Hacker's Delight, 6-1).
  @inline(__always)
  private mutating func skipText(_ all: inout UInt64) {
    let raw = UnsafeRawBufferPointer(bytes)
    while at + 8 <= raw.count {
      let eight = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let quotes = eight ^ (Self.ones &* UInt64(UInt8(ascii: "\"")))
      let escapes = eight ^ (Self.ones &* UInt64(UInt8(ascii: "\\")))
      let found =
        (eight &- Self.ones &* 0x20) & ~eight | (quotes &- Self.ones) & ~quotes | (escapes &- Self.ones) & ~escapes
      guard found & Self.highBits == 0 else { return }
      all |= eight
      at += 8
    }
  }

  // MARK: Objects and arrays

  private mutating func open(_ kind: JSONNode.Kind) -> Bool {
    guard depth < Self.maxDepth, append(kind, from: at, next: holder) else { return false }
    at += 1
    depth += 1
    holder = count - 1
    nodes[holder].offset = UInt32(truncatingIfNeeded: count)
    return true
  }

  private mutating func close() -> Bool {
    at += 1
    depth -= 1
    let closed = holder
    holder = Int(Int32(truncatingIfNeeded: nodes[closed].next))
    nodes[closed].next = UInt32(truncatingIfNeeded: count)
    return nodes[closed].kind == .array || nodes[closed].length < 2 || namesDiffer(in: closed)
  }

  private mutating func name() -> Bool {
    guard peek == UInt8(ascii: "\""), string() == true else { return false }
    skipSpace()
    guard take(UInt8(ascii: ":")) else { return false }
    skipSpace()
    return true
  }

  private func namesDiffer(in object: Int) -> Bool {
    let members = Int(nodes[object].length)
    guard members <= Self.maxPairwise else { return namesHashApart(in: object, members) }
    var one = object + 1
    while one < count {
      let length = nodes[one].length
      var other = Int(nodes[one + 1].next)
      while other < count {
        if nodes[other].length == length, isSameName(one, other) { return false }
        other = Int(nodes[other + 1].next)
      }
      one = Int(nodes[one + 1].next)
    }
    return true
  }

  private func isSameName(_ one: Int, _ other: Int) -> Bool {
    var (left, right) = (Int(nodes[one].offset), Int(nodes[other].offset))
    for _ in 0..<nodes[one].length {
      guard bytes[left] == bytes[right] else { return false }
      left += 1
      right += 1
    }
    return true
  }

  /// By hashes (FNV-1a: Fowler, Noll, Vo). Two names of one hash count as the same, and so does a crowd of them: nobody can make it slow.
  private func namesHashApart(in object: Int, _ members: Int) -> Bool {
    let size = 1 << (Int.bitWidth - (members * 2).leadingZeroBitCount)
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: size) { slots in
      slots.initialize(repeating: 0)
      var name = object + 1
      while name < count {
        let hash = hash(of: name)
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & (size - 1)
        var probes = 0
        while slots[slot] != 0 {
          probes += 1
          guard slots[slot] != hash, probes < Self.maxProbes else { return false }
          slot = (slot + 1) & (size - 1)
        }
        slots[slot] = hash
        name = Int(nodes[name + 1].next)
      }
      return true
    }
  }

  private func hash(of name: Int) -> UInt64 {
    let start = Int(nodes[name].offset)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in start..<start + Int(nodes[name].length) { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
    return hash | 1
  }
}
