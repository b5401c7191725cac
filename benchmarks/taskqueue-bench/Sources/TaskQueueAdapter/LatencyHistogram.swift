/// How often durations occurred, to three significant figures, in memory that does not grow.
///
/// Up to 2 ms each microsecond has a bucket; above that each power of two is divided into 1,024.
struct LatencyHistogram: Sendable {
  private static let bits = 10
  private static let buckets = 1 << bits
  /// About 19 hours. What takes longer counts as that.
  private static let longest: UInt64 = 1 << 36 - 1
  private static let count = index(of: longest) + 1

  private var counts = [UInt32](repeating: 0, count: Self.count)
  private(set) var total = 0

  mutating func record(microseconds: UInt64) {
    counts[Self.index(of: min(microseconds, Self.longest))] &+= 1
    total += 1
  }

  mutating func add(_ other: LatencyHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    total += other.total
  }

  mutating func removeAll() {
    for index in counts.indices { counts[index] = 0 }
    total = 0
  }

  /// Of the duration that `fraction` of all do not exceed: the lower end of its bucket; nil: there are none.
  func microseconds(at fraction: Double) -> UInt64? {
    guard total > 0 else { return nil }
    let rank = min(total, max(1, Int((fraction * Double(total)).rounded(.up))))
    var seen = 0
    for (index, count) in counts.enumerated() where count > 0 {
      seen += Int(count)
      if seen >= rank { return Self.start(of: index) }
    }
    return nil
  }

  static func index(of microseconds: UInt64) -> Int {
    let shift = max(0, UInt64.bitWidth - microseconds.leadingZeroBitCount - bits - 1)
    return shift * buckets + Int(microseconds >> UInt64(shift))
  }

  static func start(of index: Int) -> UInt64 {
    let shift = max(0, index / buckets - 1)
    return UInt64(index - shift * buckets) << UInt64(shift)
  }
}
