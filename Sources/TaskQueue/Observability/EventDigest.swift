/// Sums up what repeats itself, so that a log stays readable while everything fails. Pure.
///
/// The first event of a kind is told at once. Further ones within ``interval`` are counted, and told in one line at its end. So each event
/// is seen once, by itself or in a sum. What is beyond ``maxKinds`` kinds at a time is counted in one sum for all.
struct EventDigest: Sendable {
  typealias Instant = WorkerClock.Instant

  static var interval: Duration { .seconds(10) }
  static var maxKinds: Int { 256 }

  /// What is to be told.
  enum Line: Sendable {
    case event(EngineEvent)
    /// `count` more like it; `event` is the last of them, `first` the first one's task.
    case more(EngineEvent, count: Int, first: TaskID?)
    /// Of kinds that found no place of their own; `worst` is one of the highest level.
    case others(count: Int, worst: EngineEvent)
  }

  private struct Entry {
    var endsAt: Instant
    var count = 0
    var first: TaskID?
    var last: EngineEvent

    mutating func count(_ event: EngineEvent) {
      if count == 0 { first = event.task?.id }
      count += 1
      last = event
    }
  }

  private struct Others {
    var endsAt: Instant
    var count: Int
    var worst: EngineEvent
  }

  private var entries: [EngineEvent.Kind: Entry] = [:]
  private var others: Others?
  /// No interval ends before; nil: none is under way.
  private var firstEnd: Instant?
  /// When ``flush(at:)`` has something to tell; nil: not before the next event.
  private(set) var nextFlush: Instant?

  mutating func note(_ event: EngineEvent, at now: Instant) -> [Line] {
    let lines = flush(at: now)
    let kind = event.kind
    if let index = entries.index(forKey: kind) {
      entries.values[index].count(event)
      noteFlush(entries.values[index].endsAt)
      return lines
    }
    guard entries.count < Self.maxKinds else {
      countOther(event, at: now)
      return lines
    }
    let end = now.advanced(by: Self.interval)
    entries[kind] = Entry(endsAt: end, last: event)
    firstEnd = firstEnd ?? end
    return lines + [.event(event)]
  }

  /// Ends the intervals that are over.
  mutating func flush(at now: Instant) -> [Line] {
    guard let firstEnd, now >= firstEnd else { return [] }
    let lines = end { $0 <= now }
    let next = now.advanced(by: Self.interval)
    // What went on is not told at once again, but in the next sum.
    for case .more(let event, _, _) in lines { entries[event.kind] = Entry(endsAt: next, last: event) }
    restoreInstants()
    return lines
  }

  /// Ends all intervals.
  mutating func finish() -> [Line] {
    let lines = end { _ in true }
    restoreInstants()
    return lines
  }

  private mutating func countOther(_ event: EngineEvent, at now: Instant) {
    guard var sum = others else {
      let end = now.advanced(by: Self.interval)
      others = Others(endsAt: end, count: 1, worst: event)
      noteFlush(end)
      return
    }
    sum.count += 1
    if let level = event.level, sum.worst.level.map({ $0 < level }) ?? true { sum.worst = event }
    others = sum
  }

  private mutating func noteFlush(_ instant: Instant) { nextFlush = min(nextFlush ?? instant, instant) }

  private mutating func end(where isOver: (Instant) -> Bool) -> [Line] {
    var lines: [Line] = []
    for (kind, entry) in entries where isOver(entry.endsAt) {
      entries[kind] = nil
      if entry.count > 0 { lines.append(.more(entry.last, count: entry.count, first: entry.first)) }
    }
    lines.sort { $0.task?.rawValue ?? 0 < $1.task?.rawValue ?? 0 }
    if let sum = others, isOver(sum.endsAt) {
      others = nil
      lines.append(.others(count: sum.count, worst: sum.worst))
    }
    return lines
  }

  private mutating func restoreInstants() {
    firstEnd = entries.values.lazy.map(\.endsAt).min()
    nextFlush = entries.values.lazy.filter { $0.count > 0 }.map(\.endsAt).min()
    guard let others else { return }
    firstEnd = min(firstEnd ?? others.endsAt, others.endsAt)
    noteFlush(others.endsAt)
  }
}

extension EventDigest.Line {
  /// In the order of which lines of one flush are told.
  fileprivate var task: TaskID? {
    switch self {
    case .event(let event), .others(_, let event): event.task?.id
    case .more(let event, _, let first): first ?? event.task?.id
    }
  }
}
