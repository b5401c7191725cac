import Foundation

/// What `/proc` tells of a running process. All nil where there is no `/proc`.
struct ProcessFiles: Sendable {
  let processID: Int32

  var residentMegabytes: Double? { megabytes("VmRSS:") }
  /// The most that was ever resident.
  var peakMegabytes: Double? { megabytes("VmHWM:") }

  var openDescriptors: Int? { count("fd") }
  var threads: Int? { count("task") }

  /// User and system time of this process and of children that have ended.
  var cpuSeconds: Double? {
    guard let fields = statistics else { return nil }
    // utime, stime, cutime and cstime, counted from the third field on.
    return fields[11...14].compactMap { Double($0) }.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  var parentID: Int32? { statistics.flatMap { Int32($0[1]) } }

  var name: String? { read("comm")?.trimmingCharacters(in: .whitespacesAndNewlines) }

  /// The fields of `stat` after the program's name, which may hold blanks.
  private var statistics: [Substring]? {
    guard let text = read("stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 14 ? fields : nil
  }

  private func megabytes(_ key: String) -> Double? {
    guard let line = read("status")?.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
    return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
  }

  private func read(_ file: String) -> String? {
    FileManager.default.contents(atPath: "/proc/\(processID)/\(file)").map { String(decoding: $0, as: UTF8.self) }
  }

  private func count(_ directory: String) -> Int? {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/\(directory)"))?.count
  }
}
