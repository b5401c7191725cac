import Foundation

/// What a process uses, as far as the system tells.
struct ProcessUsage: Codable, Equatable, Sendable {
  /// User and system time so far.
  var cpuSeconds: Double
  /// The most memory it ever had resident.
  var peakMegabytes: Double

  /// This process's own.
  static func current() -> ProcessUsage {
    var usage = rusage()
    getrusage(Self.whom, &usage)
    // On Linux ru_maxrss starts with what the parent had when it made this process.
    let files = ProcessFiles(processID: getpid())
    return ProcessUsage(
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      peakMegabytes: files.peakMegabytes ?? Double(usage.ru_maxrss) / 1_048_576
    )
  }

  #if canImport(Glibc)
    private static let whom = Int32(RUSAGE_SELF.rawValue)
  #else
    private static let whom = RUSAGE_SELF
  #endif

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
}
