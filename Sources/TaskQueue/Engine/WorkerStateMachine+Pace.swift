/// How many tasks to hold beyond the number of handlers.
///
/// So many as the handlers get through in a moment, judged by what they finished lately: the local queue grows with their speed and stays
/// nearly empty for slow ones, whose tasks other workers may have.
struct Pace: Sendable {
  typealias Instant = WorkerClock.Instant

  private static var horizon: Duration { .milliseconds(100) }
  private static var measuringInterval: Duration { .milliseconds(5) }
  /// Tasks that wait for longer than this for a runner were claimed at another pace.
  static var maxQueueTime: Duration { .milliseconds(500) }

  private let concurrency: Int
  /// Handlers that ended since the last measurement, and how long they ran.
  private var finishedCount = 0
  private var runTime: Duration = .zero
  private var measuredAt: Instant?
  private(set) var prefetch = 0
  /// When the local queue was looked through for what waits too long.
  var hoardCheckedAt: Instant?

  init(concurrency: Int) { self.concurrency = concurrency }

  mutating func noteFinished(after duration: Duration) {
    finishedCount += 1
    runTime += duration
  }

  mutating func measure(at now: Instant, maxPrefetch: Int) {
    guard let start = measuredAt else {
      measuredAt = now
      return
    }
    let elapsed = start.duration(to: now)
    guard elapsed >= Self.measuringInterval else { return }
    // It at most doubles, so that one lucky batch does not fill the queue.
    let pace = Int(Double(finishedCount) * (Self.horizon / elapsed))
    prefetch = min(maxPrefetch, pace, capacity, 2 * max(finishedCount, prefetch))
    finishedCount = 0
    runTime = .zero
    measuredAt = now
  }

  /// What all handlers together can get through at most. Slow ones that happen to end within one short measurement seem to be fast.
  private var capacity: Int {
    guard finishedCount > 0, runTime > .zero else { return .max }
    return Int(min(1e6, Double(concurrency) * Double(finishedCount) * (Self.horizon / runTime)))
  }

  /// Measures even if no claim asks for it, but not over a time that is too short to say anything.
  mutating func measureIdle(at now: Instant, maxPrefetch: Int) {
    guard let start = measuredAt, start.duration(to: now) >= Self.horizon else { return }
    measure(at: now, maxPrefetch: maxPrefetch)
  }
}

extension WorkerStateMachine {
  /// How many more tasks could be held: slots that nobody has asked for a task for yet, and the prefetch.
  private var room: (idle: Int, wanted: Int) {
    guard isRunning, queue.bytes < Limits.claimBytes else { return (0, 0) }
    let idle = configuration.concurrency - runners.taken - queue.count - calls.claimedCount
    return (idle, idle + pace.prefetch)
  }

  /// How many tasks to claim now. Idle handlers are always filled; a mere top-up waits until it is worth a claim.
  mutating func claimLimit(of group: Int, at now: Instant) -> Int {
    guard isRunning else { return 0 }
    pace.measure(at: now, maxPrefetch: configuration.maxPrefetch)
    let (idle, wanted) = room
    guard wanted > 0, idle > 0 || wanted >= min(pace.prefetch / 2, OutcomeBook.fullBatch) else { return 0 }
    return min(wanted, places(of: group) ?? .max, Limits.claimTasks)
  }

  /// Whether a slot waits for a task that nobody has asked for yet.
  var hasIdleSlot: Bool { room.idle > 0 }

  /// How many tasks a look behind the position may claim.
  func lookLimit(of group: Int, at now: Instant) -> Int {
    let wanted = groups.indices.count == 1 ? room.wanted : room.wanted - waitingLonger(than: group, at: now)
    return min(max(0, wanted), max(0, places(of: group) ?? .max), Limits.claimTasks)
  }
}
