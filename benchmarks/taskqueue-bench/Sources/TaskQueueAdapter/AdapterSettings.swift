import Foundation

/// What the harness sets in the environment, and what is meant where it sets nothing.
struct AdapterSettings: Sendable {
  /// Where the jobs come from.
  enum Production: Hashable, Sendable {
    /// As many as each line of standard input says: the harness keeps the rate.
    case ordered
    /// So many per second, kept here.
    case rate
    /// As many as are missing from the depth.
    case depth(Int)
  }

  var connectionString: String
  var production = Production.ordered
  /// Jobs per second, unless the control file says otherwise.
  var rate: Int
  var rateFile: String?
  /// Jobs of one enqueue at most.
  var batchMax: Int
  var batchInterval: Duration
  /// Handlers at a time.
  var concurrency: Int
  var payloadBytes: Int
  var work: Duration
  var sampleSeconds: Int
  /// How long a killed worker's jobs stay away.
  var lease: Duration
  var queues: Int
  var instance: Int
  /// Of the code that is measured: a tag or a commit.
  var version: String

  /// The first replica tells what all of them see alike.
  var isObserver: Bool { instance == 0 }

  init(_ environment: [String: String]) throws(SettingsError) {
    func number(_ name: String, _ fallback: Int, _ range: ClosedRange<Int>) throws(SettingsError) -> Int {
      guard let text = environment[name], !text.isEmpty else { return fallback }
      guard let value = Int(text), range.contains(value) else {
        throw SettingsError("\(name) must be a whole number in \(range); got \(text).")
      }
      return value
    }
    guard let connectionString = environment["DATABASE_URL"], !connectionString.isEmpty else {
      throw SettingsError("DATABASE_URL is missing.")
    }
    let scenario = environment["SCENARIO"] ?? "long_horizon"
    guard scenario == "long_horizon" else { throw SettingsError("SCENARIO \(scenario) is unknown: long_horizon.") }
    self.connectionString = connectionString
    switch environment["PRODUCER_MODE"] ?? "fixed" {
    case "fixed": production = environment["PRODUCER_PACING"] == "harness" ? .ordered : .rate
    case "depth-target": production = .depth(try number("TARGET_DEPTH", 1_000, 1...10_000_000))
    case let mode: throw SettingsError("PRODUCER_MODE \(mode) is unknown: fixed or depth-target.")
    }
    rate = try number("PRODUCER_RATE", 800, 0...1_000_000)
    rateFile = environment["PRODUCER_RATE_CONTROL_FILE"]
    batchMax = try number("PRODUCER_BATCH_MAX", 128, 1...10_000)
    batchInterval = .milliseconds(try number("PRODUCER_BATCH_MS", 25, 1...60_000))
    concurrency = try number("WORKER_COUNT", 32, 1...10_000)
    payloadBytes = try number("JOB_PAYLOAD_BYTES", 256, 0...1_000_000)
    work = .milliseconds(try number("JOB_WORK_MS", 1, 0...3_600_000))
    sampleSeconds = try number("SAMPLE_EVERY_S", 5, 1...3_600)
    lease = .milliseconds(try number("LEASE_DEADLINE_MS", 30_000, 100...86_400_000))
    queues = try number("BENCH_QUEUE_COUNT", 1, 1...1_000)
    instance = try number("BENCH_INSTANCE_ID", 0, 0...1_000_000)
    version = environment["TASKQUEUE_VERSION"].flatMap { $0.isEmpty ? nil : $0 } ?? "unreleased"
  }

  /// What the control file says at the moment; the harness writes it anew for phases of high load.
  var currentRate: Int {
    guard let rateFile, let text = try? String(contentsOfFile: rateFile, encoding: .utf8),
      let value = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)), value.isFinite
    else { return rate }
    return Int(min(max(value, 0), 1_000_000))
  }
}

/// An environment that nothing can be run with.
struct SettingsError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
