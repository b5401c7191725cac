/// Queues and types that are claimed together, as the same maxima hold for all of them.
///
/// Each remembers for itself how far it has looked, so that no claim steps over tasks that it leaves out.
struct ClaimGroup: Sendable {
  let queues: [QueueName]
  let types: [TaskType]
  var polling: Polling
  var stragglers: Stragglers
  /// Its tasks that wait for a runner or are run.
  fileprivate(set) var takenCount = 0
  /// Grows with each claim of any group: when this one's last was.
  fileprivate(set) var servedAt: UInt64 = 0
  /// The maximum of its queue, and that of its type; as indexes into those of ``ClaimGroups``.
  fileprivate let queueMaximum: Int?
  fileprivate let typeMaximum: Int?
}

/// A worker's groups: each pair of its queues and types is in one of them. Without maxima there is one.
struct ClaimGroups: Sendable {
  /// So many claims instead of one are bearable.
  static var maxCount: Int { 64 }

  private(set) var all: [ClaimGroup] = []
  private var queueIndexes: [QueueName: Int] = [:]
  private var typeIndexes: [TaskType: Int] = [:]
  private var maxima: [Int] = []
  private var claimCount: UInt64 = 0

  init(_ settings: WorkerStateMachine.Settings, at now: WorkerClock.Instant) {
    let configuration = settings.configuration
    for queue in configuration.queues {
      guard let maximum = configuration.maxConcurrent[queue] else { continue }
      queueIndexes[queue] = maxima.count
      maxima.append(maximum)
    }
    for (type, maximum) in settings.maxConcurrent.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      typeIndexes[type] = maxima.count
      maxima.append(maximum)
    }
    let types = Dictionary(grouping: settings.timeouts.keys) { typeIndexes[$0] }
    let queues = Dictionary(grouping: configuration.queues) { queueIndexes[$0] }
    for (queueMaximum, queues) in queues.sorted(by: { $0.key ?? -1 < $1.key ?? -1 }) {
      for (typeMaximum, types) in types.sorted(by: { $0.key ?? -1 < $1.key ?? -1 }) {
        all.append(
          ClaimGroup(
            queues: queues,
            types: types,
            polling: Polling(configuration, at: now),
            stragglers: Stragglers(faults: settings.faults),
            queueMaximum: queueMaximum,
            typeMaximum: typeMaximum
          )
        )
      }
    }
  }

  subscript(_ index: Int) -> ClaimGroup {
    get { all[index] }
    _modify { yield &all[index] }
  }

  var indices: Range<Int> { all.indices }
  private var isBounded: Bool { !maxima.isEmpty }

  /// The group that a task is of; nil: none, as it was not asked for.
  func index(of task: ClaimedTask) -> Int? {
    guard isBounded else { return 0 }
    let (queueMaximum, typeMaximum) = (queueIndexes[task.queue], typeIndexes[task.type])
    return all.firstIndex { $0.queueMaximum == queueMaximum && $0.typeMaximum == typeMaximum }
  }

  // MARK: Places

  mutating func take(_ task: ClaimedTask) { count(task, 1) }
  mutating func giveBack(_ task: ClaimedTask) { count(task, -1) }

  private mutating func count(_ task: ClaimedTask, _ change: Int) {
    guard isBounded, let index = index(of: task) else { return }
    all[index].takenCount += change
  }

  /// How many more tasks of the group may be held; negative: there are too many. nil: no maximum holds for it.
  ///
  /// - Parameter claimed: tasks asked for in claims of a group that are not answered yet.
  func room(of index: Int, claimed: (Int) -> Int) -> Int? {
    guard isBounded else { return nil }
    let group = all[index]
    let rooms = [(group.queueMaximum, \ClaimGroup.queueMaximum), (group.typeMaximum, \ClaimGroup.typeMaximum)]
      .compactMap {
        (maximum, path) -> Int? in
        guard let maximum else { return nil }
        return indices.reduce(maxima[maximum]) { room, other in
          all[other][keyPath: path] == maximum ? room - all[other].takenCount - claimed(other) : room
        }
      }
    return rooms.min()
  }

  // MARK: Turns

  mutating func noteServed(_ index: Int) {
    claimCount += 1
    all[index].servedAt = claimCount
  }

  /// Who waited longest comes first.
  var inTurn: [Int] { all.count == 1 ? [0] : indices.sorted { all[$0].servedAt < all[$1].servedAt } }
}

extension WorkerStateMachine {
  /// How many more tasks of the group may be claimed by its maxima; nil: no maximum holds for it.
  func places(of group: Int) -> Int? {
    if settings.faults.contains(.maximumIgnored) { return nil }
    return groups.room(of: group) { calls.claimedCount(of: $0) }
  }

  /// Groups that wait for a claim for longer than this one, and have places: a scarce slot is for them.
  func waitingLonger(than group: Int, at now: Instant) -> Int {
    groups.indices.count { other in
      groups[other].servedAt < groups[group].servedAt && groups[other].polling.wantsClaim(at: now)
        && places(of: other) ?? 1 > 0
    }
  }

  /// Some task may have come, of whatever group.
  mutating func addHint(of task: ClaimedTask?) {
    let group = task.flatMap { groups.index(of: $0) }
    for index in groups.indices where group ?? index == index { groups[index].polling.addHint() }
  }

  /// A task is due then.
  mutating func lookAgain(for task: ClaimedTask?, at instant: Instant) {
    let group = task.flatMap { groups.index(of: $0) }
    for index in groups.indices where group ?? index == index { groups[index].polling.lookAgain(at: instant) }
  }

  /// A promotion makes ready what is due, whoever claims it.
  mutating func notePromotion(_ exchange: Exchange, of group: Int) {
    guard let oldest = exchange.promotedFrom else { return }
    for index in groups.indices where index != group {
      groups[index].stragglers.noteHandedBack(oldest)
      groups[index].polling.addHint()
    }
  }
}
