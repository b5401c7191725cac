import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Attempts per minute as bars of an SVG: those that went well below, those that failed above them.
struct MinuteChart {
  struct Minute: Equatable {
    var good = 0
    var bad = 0
    var total: Int { good + bad }
  }

  /// Outcomes by which nothing went on. Waiting, going again and being interrupted are none.
  static let badOutcomes: Set<String> = ThroughputCount.failures

  /// Oldest first; the last one is still going on.
  private(set) var minutes: [Minute]
  /// When the first of them began.
  let first: Date

  /// - Parameter count: minutes until `now`.
  init(_ counts: some Sequence<ThroughputCount>, minutes count: Int, until now: Date) {
    let last = (now.timeIntervalSince1970 / 60).rounded(.down) * 60
    first = Date(timeIntervalSince1970: last - Double(count - 1) * 60)
    minutes = Array(repeating: Minute(), count: count)
    for entry in counts {
      let index = Int((entry.minute.timeIntervalSince(first) / 60).rounded(.down))
      guard minutes.indices.contains(index) else { continue }
      if Self.badOutcomes.contains(entry.outcome) {
        minutes[index].bad += entry.attempts
      } else {
        minutes[index].good += entry.attempts
      }
    }
  }

  var total: Int { minutes.reduce(0) { $0 + $1.total } }
  var bad: Int { minutes.reduce(0) { $0 + $1.bad } }

  /// Of the last five minutes that are over.
  var perMinute: Double {
    let recent = minutes.dropLast().suffix(5)
    return recent.isEmpty ? 0 : Double(recent.reduce(0) { $0 + $1.total }) / Double(recent.count)
  }

  /// Several minutes as one bar.
  func grouped(by size: Int) -> MinuteChart {
    var copy = self
    copy.minutes = stride(from: 0, to: minutes.count, by: size).map { start in
      minutes[start..<min(start + size, minutes.count)].reduce(into: Minute()) {
        $0.good += $1.good
        $0.bad += $1.bad
      }
    }
    return copy
  }

  /// For the templates `spark` and `chart`: two paths in a box of the given height, two units wide for each bar.
  func fields(height: Int, label: String) -> Fields {
    let top = max(1, minutes.map(\.total).max() ?? 1)
    var good = ""
    var bad = ""
    for (index, minute) in minutes.enumerated() where minute.total > 0 {
      let x = "\(index * 2 + 1)"
      let whole = max(1, Double(minute.total) / Double(top) * Double(height))
      let failed = minute.bad == 0 ? 0 : max(1, Double(minute.bad) / Double(top) * Double(height))
      if minute.good > 0 { good += "M\(x) \(height)V\(Self.text(Double(height) - whole))" }
      if minute.bad > 0 {
        bad += "M\(x) \(Self.text(Double(height) - whole + failed))V\(Self.text(Double(height) - whole))"
      }
    }
    return [
      "box": "0 0 \(minutes.count * 2) \(height)", "good": good, "bad": bad, "label": "\(label): \(words)",
      "top": Wording.count(top), "baseline": "M0 \(height)H\(minutes.count * 2)",
    ]
  }

  private var words: String {
    total == 0
      ? "no attempts" : "\(Wording.count(total, "attempt")), \(Wording.count(bad)) failed, \(rate) a minute now"
  }

  /// `12`, `0.4`.
  var rate: String {
    perMinute >= 10 || perMinute == 0 ? Wording.count(Int(perMinute.rounded())) : Self.text(perMinute)
  }

  private static func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
