import Foundation

/// What a worker process tells its parent: one line each.
enum WorkerEvent: Equatable, Sendable {
  /// It is connected and waits for ``WorkerOrder/go``.
  case ready
  /// So many handlers have ended since the start.
  case handled(Int)
  /// The handler of a probe began, by ``MonotonicTime``.
  case probe(number: Int, nanoseconds: Int64)
  /// Since `go`: seconds of CPU; the peak memory is that of the whole life.
  case usage(ProcessUsage)

  var line: String {
    switch self {
    case .ready: "ready"
    case .handled(let count): "handled \(count)"
    case .probe(let number, let nanoseconds): "probe \(number) \(nanoseconds)"
    case .usage(let usage): "usage \(usage.cpuSeconds) \(usage.peakMegabytes)"
    }
  }

  init?(line: some StringProtocol) {
    let words = line.split(separator: " ")
    switch (words.first, words.count) {
    case ("ready", 1):
      self = .ready
    case ("handled", 2):
      guard let count = Int(words[1]) else { return nil }
      self = .handled(count)
    case ("probe", 3):
      guard let number = Int(words[1]), let nanoseconds = Int64(words[2]) else { return nil }
      self = .probe(number: number, nanoseconds: nanoseconds)
    case ("usage", 3):
      guard let cpu = Double(words[1]), let peak = Double(words[2]) else { return nil }
      self = .usage(ProcessUsage(cpuSeconds: cpu, peakMegabytes: peak))
    default:
      return nil
    }
  }
}
