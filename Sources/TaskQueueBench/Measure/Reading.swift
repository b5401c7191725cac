/// One value of a metric, and the reference measured next to it.
struct Reading: Sendable {
  let metric: Metric
  let value: Double
  let reference: Double?

  init(_ metric: Metric, _ value: Double, beside reference: Double? = nil) {
    self.metric = metric
    self.value = value
    self.reference = reference
  }
}
