import HeapModule
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Rates by GCRA, and pauses that end by themselves. The durable store gives its stamps up to 400 ms ahead, since it may be asked late; this one
/// admits when the time has come.
extension InMemoryLimits {
  /// From when on the next task of a key may be admitted.
  struct Pace {
    var nextAt: Date
    var pausedUntil: Date?
  }

  private static let oldAge: Duration = .seconds(86_400)
  /// What sums of seconds as floating point numbers may be off.
  private static let rounding: Duration = .microseconds(1)

  func hasRate(_ limit: TaskLimit) -> Bool { statuses[limit.name]?.rate != nil }
  func isClosed(_ limit: TaskLimit) -> Bool { (paces[limit.line]?.pausedUntil ?? .distantPast) > now }

  func isLate(_ task: InMemoryTask) -> Bool { task.content.deadline.map { $0 <= now } ?? false }

  /// When the next admission is, and how long it takes until there may be another one; nil: at any time.
  private func next(_ limit: TaskLimit, at now: Date) -> (stamp: Date, last: Duration)? {
    guard let rate = statuses[limit.name]?.rate else { return nil }
    let units = limit.weight - 1
    let earliest = now.adding(.zero - rate.gap * max(rate.burst - 1, units))
    return (max(paces[limit.line]?.nextAt ?? .distantPast, earliest).adding(rate.gap * units), rate.gap)
  }

  /// When the next admission of this weight is; nil: the limit has no rate.
  func nextStamp(_ limit: TaskLimit, at now: Date) -> Date? { next(limit, at: now)?.stamp }

  /// How long it is until the next admission of this weight.
  func wait(_ limit: TaskLimit) -> Duration {
    let stamp = nextStamp(limit, at: now) ?? paces[limit.line]?.pausedUntil ?? .distantPast
    let seconds = max(0, stamp.timeIntervalSince(now))
    return .microseconds(Int64(min(seconds, Limits.delay / .seconds(1)) * 1e6))
  }

  /// - Returns: the stamp of what was admitted; nil: it would be later.
  mutating func charge(_ limit: TaskLimit, within longest: Duration) -> Date? {
    guard let (stamp, gap) = next(limit, at: now) else { return now }
    guard stamp <= now.adding(longest + Self.rounding) else { return nil }
    paces[limit.line] = Pace(nextAt: stamp.adding(gap), pausedUntil: paces[limit.line]?.pausedUntil)
    return stamp
  }

  mutating func pause(_ limit: TaskLimit, until end: Date) {
    var pace = paces[limit.line] ?? Pace(nextAt: end)
    pace.nextAt = max(pace.nextAt, end)
    pace.pausedUntil = max(pace.pausedUntil ?? end, end)
    paces[limit.line] = pace
  }

  /// With another rate what a key has saved up of its burst stays as many admissions, and what it still has to wait for the next one becomes
  /// as much of the new gap; after a stamp to come the next one comes a gap of the new rate. Nothing shortens or lengthens a pause.
  mutating func set(_ status: LimitStatus) {
    let name = status.rule.name
    let before = statuses[name]?.rate
    statuses[name] = status
    guard let before, let gap = status.rate?.gap, before.gap != gap else { return }
    for limit in Array(paces.keys) where limit.name == name {
      guard let pace = paces[limit] else { continue }
      let pausedUntil = pace.pausedUntil ?? .distantPast
      guard pausedUntil < now || pace.nextAt > pausedUntil else { continue }
      let earliest = now.adding(.zero - before.gap * (before.burst - 1))
      let wait = Duration.seconds(max(pace.nextAt, earliest).timeIntervalSince(now))
      let nextAt = wait > before.gap ? pace.nextAt.adding(gap - before.gap) : now.adding(wait * (gap / before.gap))
      paces[limit]?.nextAt = max(nextAt, pausedUntil)
    }
  }

  /// Lines with a free slot that wait for a time.
  var pacedLines: [TaskLimit] {
    guard !paces.isEmpty || statuses.values.contains(where: { $0.rate != nil }) else { return [] }
    return lines.compactMap { limit, line in
      guard hasRate(limit) || paces[limit] != nil, !line.waiting.isEmpty, line.heldBy.isEmpty else { return nil }
      return line.taken.count < concurrency(of: limit) ? limit : nil
    }
  }

  /// When the first of them may go on.
  var nextOpening: Date? {
    pacedLines.map { limit in
      let weight = lines[limit]?.waiting.min?.weight ?? 1
      return now.adding(max(wait(TaskLimit(limit.name, key: limit.key, weight: weight)), .milliseconds(1)))
    }.min()
  }

  mutating func dropOldPaces() {
    let (now, statuses) = (now, statuses)
    paces = paces.filter { limit, pace in
      let rate = statuses[limit.name]?.rate
      let burst = (rate?.gap ?? .zero) * max(rate?.burst ?? 1, TaskLimit.maxWeight)
      return pace.nextAt >= now.adding(.zero - max(burst, Self.oldAge))
    }
  }
}

extension InMemoryState {
  mutating func take(_ limit: TaskLimit, within longest: Duration) throws(TaskQueueError) -> Duration {
    guard let status = limits.statuses[limit.name] else { throw .unknownLimit(limit.name) }
    if status.isPaused { return longest + .seconds(60) }
    let wait = limits.wait(limit)
    if wait <= longest { _ = limits.charge(limit, within: longest) }
    return wait
  }

  mutating func pause(_ limit: TaskLimit, for duration: Duration, now: Date) throws(TaskQueueError) {
    guard limits.statuses[limit.name] != nil else { throw .unknownLimit(limit.name) }
    guard duration > .zero else { return }
    limits.pause(limit, until: now.adding(min(duration, Limits.limitWait)))
    for task in tasks.values where task.content.limit?.line == limit.line && !locks.tasks.contains(task.id) {
      if case .ready = task.phase { leaveSlot(task) }
    }
  }
}
