/// Values of one quantity, in the order in which they were measured.
struct Samples: Equatable, Sendable {
  private(set) var values: [Double] = []

  init(_ values: [Double] = []) { self.values = values }

  mutating func append(_ value: Double) { values.append(value) }

  /// The middle value; of an even number the mean of the middle two. nil without values.
  var median: Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  var minimum: Double? { values.min() }
  var maximum: Double? { values.max() }

  /// The smallest value that at least this share of all values doesn't exceed (nearest rank); nil without values.
  ///
  /// - Parameter share: in 0 … 1; 0.99 is the 99th percentile.
  func percentile(_ share: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}
