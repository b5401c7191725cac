extension [UInt8] {
  /// Appends in network byte order.
  mutating func appendInteger<Integer: FixedWidthInteger>(_ value: Integer) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends the binary form of an interval: microseconds, days, months.
  mutating func appendInterval(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    // One less than the extremes, which newer servers read as infinite.
    let bound = seconds < 0 ? Int64.min + 1 : Int64.max - 1
    appendInteger(overflow || carried ? bound : sum)
    appendInteger(Int64(0))
  }
}
