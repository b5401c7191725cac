/// Bounds for one metric's median, inclusive.
struct Threshold: Codable, Equatable, Sendable {
  /// For the ratio to the reference.
  var minRatio: Double?
  var maxRatio: Double?
  /// For the value itself, in the metric's unit. Not for speeds.
  var minimum: Double?
  var maximum: Double?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case minRatio, maxRatio, minimum, maximum
  }

  func judge(_ result: MetricResult) -> Verdict {
    var misses: [String] = []
    if minRatio != nil || maxRatio != nil {
      guard let ratio = result.ratio else { return .missed("no ratio was measured") }
      if let minRatio, !(ratio >= minRatio) { misses.append("ratio below \(minRatio)") }
      if let maxRatio, !(ratio <= maxRatio) { misses.append("ratio above \(maxRatio)") }
    }
    if minimum != nil || maximum != nil {
      guard let value = result.samples.median else { return .missed("nothing was measured") }
      if let minimum, !(value >= minimum) { misses.append("below \(minimum)") }
      if let maximum, !(value <= maximum) { misses.append("above \(maximum)") }
    }
    return misses.isEmpty ? .held : .missed(misses.joined(separator: ", "))
  }

  /// Such as `≥ 0.9×` or `≤ 2`, in the metric's unit.
  var text: String {
    var parts: [String] = []
    if let minRatio { parts.append("≥ \(NumberText.short(minRatio))×") }
    if let maxRatio { parts.append("≤ \(NumberText.short(maxRatio))×") }
    if let minimum { parts.append("≥ \(NumberText.short(minimum))") }
    if let maximum { parts.append("≤ \(NumberText.short(maximum))") }
    return parts.joined(separator: ", ")
  }
}
