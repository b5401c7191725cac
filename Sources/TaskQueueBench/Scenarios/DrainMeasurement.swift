/// What one drain took.
struct DrainMeasurement: Sendable {
  let tasks: Int
  let seconds: Double
  let walBytes: Int64
  let clientCPUSeconds: Double
  /// nil when the server's processes can't be seen.
  let serverCPUSeconds: Double?
  /// Of the biggest worker process; nil for a raw drain.
  let peakMegabytes: Double?

  var rate: Double { Double(tasks) / seconds }
  var walPerTask: Double { Double(walBytes) / Double(tasks) }
  var clientMicroseconds: Double { clientCPUSeconds * 1_000_000 / Double(tasks) }
  var serverMicroseconds: Double? { serverCPUSeconds.map { $0 * 1_000_000 / Double(tasks) } }
}
