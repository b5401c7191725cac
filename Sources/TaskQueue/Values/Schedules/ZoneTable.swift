/// What one time zone's clocks show, and showed: the offsets from UTC and when they change.
///
/// Read from a compiled file of the tz database (TZif, RFC 9636), which systems have in `/usr/share/zoneinfo`. After the file's last
/// change its footer's rule holds for ever.
package struct ZoneTable: Sendable {
  /// A time without a change.
  struct Segment: Equatable, Sendable {
    /// Seconds since 1970; `Int64.min`: always was.
    var start: Int64
    /// When the next one begins; `Int64.max`: never.
    var end: Int64
    /// Seconds that clocks are ahead of UTC.
    var offset: Int64
  }

  /// No clock was ever further from UTC.
  static let maxOffset: Int64 = 26 * 3_600

  static let utc = ZoneTable(changes: [], offsets: [0], footer: nil)

  /// When something changes, ascending.
  private let changes: [Int64]
  /// Before the first change, and after each.
  private let offsets: [Int64]
  /// What holds after the last change; nil: the last offset.
  private let footer: ZoneFooter?

  func segment(at instant: Int64) -> Segment {
    // How many changes were before.
    var (low, high) = (0, changes.count)
    while low < high {
      let middle = (low + high) / 2
      if changes[middle] <= instant { low = middle + 1 } else { high = middle }
    }
    if low == changes.count, let footer { return footer.segment(at: instant, after: changes.last ?? .min) }
    return Segment(
      start: low == 0 ? .min : changes[low - 1],
      end: low == changes.count ? .max : changes[low],
      offset: offsets[low]
    )
  }

  /// When a clock shows this time, in seconds since 1970 of the clock: the first time if it does so twice, and the end of the gap if it never
  /// does.
  func instant(ofLocal local: Int64) -> Int64 {
    var instant = local - Self.maxOffset
    while true {
      let segment = segment(at: instant)
      let candidate = local - segment.offset
      // Only at the start of a segment that follows a gap.
      if candidate < instant { return instant }
      if candidate < segment.end { return candidate }
      instant = segment.end
    }
  }
}

// MARK: Reading

extension ZoneTable {
  /// - Returns: nil if the bytes are no TZif file, or one that promises nothing for the time after it.
  package init?(tzif bytes: [UInt8]) {
    var reader = TZifReader(bytes)
    guard var header = reader.header() else { return nil }
    if header.version >= 2 {
      // The first block is for readers that know only 32 bits.
      reader.skip(header.byteCount(timeSize: 4))
      guard let second = reader.header() else { return nil }
      header = second
    }
    let timeSize = header.version >= 2 ? 8 : 4
    guard let changes = reader.integers(header.timeCount, size: timeSize), let kinds = reader.bytes(header.timeCount),
      let types = reader.types(header.typeCount), !types.isEmpty,
      kinds.allSatisfy({ Int($0) < types.count }), zip(changes, changes.dropFirst()).allSatisfy({ $0 < $1 })
    else { return nil }
    reader.skip(header.byteCount(timeSize: timeSize) - header.timeCount * (timeSize + 1) - header.typeCount * 6)
    var footer: ZoneFooter?
    if header.version >= 2 {
      guard let text = reader.line() else { return nil }
      if !text.isEmpty {
        guard let parsed = ZoneFooter(text) else { return nil }
        footer = parsed
      }
    }
    // Also changes that change nothing: with the last one the footer's time begins.
    self.init(changes: changes, offsets: [types[0]] + kinds.map { types[Int($0)] }, footer: footer)
  }
}

private struct TZifReader {
  struct Header {
    var version: Int
    var utcCount: Int
    var standardCount: Int
    var leapCount: Int
    var timeCount: Int
    var typeCount: Int
    var characterCount: Int

    func byteCount(timeSize: Int) -> Int {
      timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4) + standardCount
        + utcCount
    }
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func skip(_ count: Int) { rest = rest.dropFirst(count) }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func integer(size: Int) -> Int64? {
    guard let bytes = bytes(size), let first = bytes.first else { return nil }
    return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
  }

  mutating func integers(_ count: Int, size: Int) -> [Int64]? {
    guard rest.count / size >= count else { return nil }
    return (0..<count).compactMap { _ in integer(size: size) }
  }

  mutating func header() -> Header? {
    guard let magic = bytes(4), magic.elementsEqual("TZif".utf8), let version = bytes(1)?.first, bytes(15) != nil,
      let counts = integers(6, size: 4), counts.allSatisfy({ 0...1_000_000 ~= $0 })
    else { return nil }
    return Header(
      version: version == 0 ? 1 : Int(version) - 0x30,
      utcCount: Int(counts[0]),
      standardCount: Int(counts[1]),
      leapCount: Int(counts[2]),
      timeCount: Int(counts[3]),
      typeCount: Int(counts[4]),
      characterCount: Int(counts[5])
    )
  }

  /// The offsets of the local time types.
  mutating func types(_ count: Int) -> [Int64]? {
    var offsets: [Int64] = []
    for _ in 0..<count {
      guard let offset = integer(size: 4), bytes(2) != nil, abs(offset) < ZoneTable.maxOffset else { return nil }
      offsets.append(offset)
    }
    return offsets
  }

  /// What stands between two newlines.
  mutating func line() -> String? {
    guard bytes(1)?.first == 0x0A, let end = rest.firstIndex(of: 0x0A) else { return nil }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}
