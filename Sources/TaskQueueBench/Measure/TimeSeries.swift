/// Values over time.
struct TimeSeries: Encodable, Sendable {
  struct Point: Encodable, Equatable, Sendable {
    /// Since the start.
    let seconds: Double
    let value: Double
  }

  let id: String
  let title: String
  let unit: MetricUnit
  private(set) var points: [Point] = []

  init(_ id: String, _ title: String, _ unit: MetricUnit) {
    self.id = id
    self.title = title
    self.unit = unit
  }

  /// For people: the title with the unit.
  var label: String { unit.text.isEmpty ? title : "\(title), \(unit.text)" }

  mutating func append(_ value: Double, at seconds: Double) { points.append(Point(seconds: seconds, value: value)) }

  /// The mean of the values in a part of the time; nil if there are none.
  func mean(from start: Double, to end: Double) -> Double? {
    let part = points.filter { $0.seconds >= start && $0.seconds <= end }
    return part.isEmpty ? nil : part.reduce(0) { $0 + $1.value } / Double(part.count)
  }

  /// The middle value in a part of the time; nil if there are none.
  func median(from start: Double, to end: Double) -> Double? {
    Samples(points.filter { $0.seconds >= start && $0.seconds <= end }.map(\.value)).median
  }

  /// At most `count` points, each the mean of its neighbours.
  func thinned(to count: Int) -> [Point] {
    guard points.count > count, count > 0 else { return points }
    return (0..<count).map { index in
      let group = points[index * points.count / count..<(index + 1) * points.count / count]
      let size = Double(group.count)
      return Point(
        seconds: group.reduce(0) { $0 + $1.seconds } / size,
        value: group.reduce(0) { $0 + $1.value } / size
      )
    }
  }
}
