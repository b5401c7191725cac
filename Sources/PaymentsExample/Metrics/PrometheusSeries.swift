/// The numbers behind ``PrometheusMetrics``: a plain value.
package struct PrometheusSeries: Sendable {
  enum Kind: String, Sendable { case counter, gauge, histogram }

  /// A name and its labels, fit for the format.
  struct Key: Hashable, Comparable, Sendable {
    let name: String
    /// `operation="x",status="200"`; empty: none.
    let labels: String

    init(_ name: String, _ labels: [(String, String)]) {
      self.name = Self.plain(name)
      self.labels = labels.sorted { $0.0 < $1.0 }.map { "\(Self.plain($0))=\"\(Self.escaped($1))\"" }
        .joined(separator: ",")
    }

    static func < (lhs: Key, rhs: Key) -> Bool { (lhs.name, lhs.labels) < (rhs.name, rhs.labels) }

    private static func plain(_ name: String) -> String {
      String(
        name.unicodeScalars.map { scalar in
          let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
          return isPlain || scalar == "_" || scalar == ":" ? Character(scalar) : "_"
        }
      )
    }

    private static func escaped(_ value: String) -> String {
      value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
  }

  private struct Histogram: Sendable {
    var counts = [Int](repeating: 0, count: PrometheusSeries.bounds.count)
    var count = 0
    var sum = 0.0
  }

  /// Upper bounds of the buckets; in seconds for timers.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

  private let limit: Int
  private var kinds: [String: Kind] = [:]
  private var values: [Key: Double] = [:]
  private var histograms: [Key: Histogram] = [:]
  private var dropped = 0

  init(limit: Int) {
    self.limit = limit
  }

  mutating func add(_ amount: Double, to key: Key, kind: Kind) {
    guard makeRoom(for: key, kind, isNew: values[key] == nil) else { return }
    values[key, default: 0] += amount
  }

  mutating func set(_ value: Double, to key: Key) {
    guard makeRoom(for: key, .gauge, isNew: values[key] == nil) else { return }
    values[key] = value
  }

  mutating func observe(_ value: Double, in key: Key) {
    guard makeRoom(for: key, .histogram, isNew: histograms[key] == nil) else { return }
    var histogram = histograms[key] ?? Histogram()
    for (index, bound) in Self.bounds.enumerated() where value <= bound { histogram.counts[index] += 1 }
    histogram.count += 1
    histogram.sum += value
    histograms[key] = histogram
  }

  private mutating func makeRoom(for key: Key, _ kind: Kind, isNew: Bool) -> Bool {
    guard !isNew || values.count + histograms.count < limit else {
      dropped += 1
      return false
    }
    if kinds[key.name] == nil { kinds[key.name] = kind }
    return true
  }

  var text: String {
    var lines: [String] = []
    for name in kinds.keys.sorted() {
      lines.append("# TYPE \(name) \(kinds[name]?.rawValue ?? "untyped")")
      for key in values.keys.filter({ $0.name == name }).sorted() {
        lines.append("\(name)\(Self.braced(key.labels)) \(values[key] ?? 0)")
      }
      for key in histograms.keys.filter({ $0.name == name }).sorted() {
        if let histogram = histograms[key] { lines += Self.lines(key, histogram) }
      }
    }
    lines.append("# TYPE metrics_dropped_total counter")
    lines.append("metrics_dropped_total \(dropped)")
    return lines.map { $0 + "\n" }.joined()
  }

  private static func lines(_ key: Key, _ histogram: Histogram) -> [String] {
    let prefix = key.labels.isEmpty ? "" : "\(key.labels),"
    var lines = zip(Self.bounds, histogram.counts).map { "\(key.name)_bucket{\(prefix)le=\"\($0)\"} \($1)" }
    lines.append("\(key.name)_bucket{\(prefix)le=\"+Inf\"} \(histogram.count)")
    lines.append("\(key.name)_sum\(braced(key.labels)) \(histogram.sum)")
    lines.append("\(key.name)_count\(braced(key.labels)) \(histogram.count)")
    return lines
  }

  private static func braced(_ labels: String) -> String {
    labels.isEmpty ? "" : "{\(labels)}"
  }
}
