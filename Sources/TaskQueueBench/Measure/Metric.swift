/// Something that is measured, perhaps beside a reference.
struct Metric: Sendable {
  /// Names it in JSON and in the thresholds file.
  let id: String
  /// For people.
  let title: String
  let unit: MetricUnit
  /// What the reference is; nil: there is none.
  let reference: String?

  init(_ id: String, _ title: String, _ unit: MetricUnit, beside reference: String? = nil) {
    self.id = id
    self.title = title
    self.unit = unit
    self.reference = reference
  }
}
