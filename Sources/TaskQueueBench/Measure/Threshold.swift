/// Bounds for one metric's median, inclusive.
struct Threshold: Codable, Equatable, Sendable {
  /// For the ratio to the reference.
  var minimumRatio: Double?
  var maximumRatio: Double?
  /// For the value itself, in the metric's unit. Not for speeds.
  var minimum: Double?
  var maximum: Double?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case minimumRatio, maximumRatio, minimum, maximum
  }

  func judge(_ result: MetricResult) -> Verdict {
    var misses: [String] = []
    if minimumRatio != nil || maximumRatio != nil {
      guard let ratio = result.ratio else { return .missed("no ratio was measured") }
      if let minimumRatio, !(ratio >= minimumRatio) { misses.append("ratio below \(minimumRatio)") }
      if let maximumRatio, !(ratio <= maximumRatio) { misses.append("ratio above \(maximumRatio)") }
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
    if let minimumRatio { parts.append("≥ \(NumberText.short(minimumRatio))×") }
    if let maximumRatio { parts.append("≤ \(NumberText.short(maximumRatio))×") }
    if let minimum { parts.append("≥ \(NumberText.short(minimum))") }
    if let maximum { parts.append("≤ \(NumberText.short(maximum))") }
    return parts.joined(separator: ", ")
  }
}
