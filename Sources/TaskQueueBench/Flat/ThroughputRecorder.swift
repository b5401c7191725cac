/// Samples how many handlers end per second.
struct ThroughputRecorder: Sendable {
  static let interval: Duration = .seconds(1)

  let processes: [WorkerProcess]

  var handled: Int { processes.reduce(0) { $0 + $1.handled } }

  /// Appends to the series once a second, until the condition holds.
  ///
  /// - Parameter each: called with seconds since the start and with the throughput, after each sample.
  func record(
    into series: inout TimeSeries,
    while isGoingOn: () -> Bool,
    each: (_ seconds: Double, _ throughput: Double) throws -> Void
  ) async throws {
    let watch = Stopwatch()
    var last = (seconds: 0.0, handled: handled)
    while isGoingOn() {
      try await Task.sleep(for: Self.interval)
      let now = (seconds: watch.seconds, handled: handled)
      let throughput = Double(now.handled - last.handled) / (now.seconds - last.seconds)
      series.append(throughput, at: now.seconds)
      last = now
      try each(now.seconds, throughput)
    }
  }
}
