/// What one scenario found.
struct FlatOutcome: Sendable {
  var readings: [Reading] = []
  var series: [TimeSeries] = []
}
