@_spi(Store) import TaskQueue

/// What a store of one queue is expected to hold: the contract once more, small and slow, sharing nothing with any store.
///
/// Time is in whole seconds and moves in steps of 100; delays and leases end in the middle of a step, so that the few
/// seconds which a real clock goes on by itself change nothing.
struct StoreModel {
  enum Place: Equatable {
    case waiting
    case held(token: Int64, until: Int)
    case finished(keyUntil: Int)
    case dead(DeadLetterReason)
    case gone
  }

  struct Item {
    var id: TaskID
    var key: String?
    var period: Int?
    var priority: Int
    var payload: String
    var due: Int
    var place = Place.waiting
    var attempt = 0
    var failures = 0
    var crashes = 0
    var rerun = false
    var isCancelRequested = false
    /// A replacement came while it was held: until that run begins a store may show the old content or the new.
    var replacement: String?

    func isHeld(at now: Int) -> Bool {
      if case .held(_, let until) = place { until > now } else { false }
    }

    func isHeld(by token: Int64) -> Bool {
      if case .held(token, _) = place { true } else { false }
    }

    /// Whether a worker has it or may still settle it.
    var hasToken: Bool {
      if case .held = place { true } else { false }
    }

    var isLive: Bool { place == .waiting || hasToken }

    func isClaimable(at now: Int) -> Bool { isLive && !isHeld(at: now) && due <= now }
  }

  var now = 0
  var isPaused = false
  var items: [TaskID: Item] = [:]

  var claimable: [Item] { isPaused ? [] : items.values.filter { $0.isClaimable(at: now) } }
  var dead: [Item] { items.values.filter { if case .dead = $0.place { true } else { false } } }

  /// The id of the task that has the key; nil: a new task is to be stored.
  mutating func enqueueDuplicate(key: String, mode: UniqueKey.Mode, payload: String, due: Int) -> TaskID? {
    guard var item = holder(of: key) else { return nil }
    if case .finished = item.place { return item.id }
    switch (mode, item.hasToken) {
    case (.replace, true):
      item.rerun = true
      item.replacement = payload
    case (.coalesce, true): item.rerun = true
    case (.replace, false):
      item.payload = payload
      item.due = due
      item.replacement = nil
    case (.coalesce, false): item.due = min(item.due, due)
    default: break
    }
    items[item.id] = item
    return item.id
  }

  func holder(of key: String) -> Item? {
    items.values.first { item in
      guard item.key == key else { return false }
      if case .finished(let keyUntil) = item.place { return keyUntil > now }
      return item.isLive
    }
  }

  mutating func claim(_ id: TaskID, token: Int64, lease: Int) {
    guard var item = items[id] else { return }
    if item.hasToken { item.crashes += 1 }
    item.attempt += 1
    item.place = .held(token: token, until: now + lease)
    items[id] = item
  }

  mutating func settle(_ claim: Claim, _ action: Settlement.Action) -> Bool {
    guard var item = items[claim.id], item.isHeld(by: claim.token) else { return false }
    switch action {
    case .fail, .bury(_, _, .some): item.failures += 1
    default: break
    }
    if item.rerun {
      if let replacement = item.replacement { item.payload = replacement }
      (item.attempt, item.failures, item.crashes) = (0, 0, 0)
      (item.rerun, item.isCancelRequested, item.replacement) = (false, false, nil)
      item.due = now
      item.place = .waiting
    } else {
      end(&item, action)
    }
    items[item.id] = item
    return true
  }

  private func end(_ item: inout Item, _ action: Settlement.Action) {
    let wasCancelled = item.isCancelRequested
    let isBuried =
      if case .complete = action { true } else if case .conclude = action { true } else if case .bury = action {
        true
      } else { wasCancelled }
    if !isBuried { item.crashes = 0 }
    item.isCancelRequested = false
    if case .complete = action {
      item.place = item.period.map { .finished(keyUntil: now + $0) } ?? .gone
    } else if wasCancelled {
      item.place = .dead(.cancelled)
    } else {
      item.place = .waiting
      switch action {
      case .complete, .conclude, .suspend: break
      case .reschedule(let delay, let returnsAttempt):
        item.due = now + Int(delay.components.seconds)
        if returnsAttempt { item.attempt -= 1 }
      case .fail(_, let delay): item.due = now + Int(delay.components.seconds)
      case .bury(let reason, _, _): item.place = .dead(reason)
      case .release: item.attempt -= 1
      }
    }
  }

  mutating func renew(_ claim: Claim, lease: Int) -> Renewal {
    guard let item = items[claim.id], item.isHeld(by: claim.token) else { return .lost }
    items[claim.id]?.place = .held(token: claim.token, until: now + lease)
    return item.isCancelRequested ? .cancelRequested : .renewed
  }

  mutating func cancel(_ id: TaskID) -> CancelResult? {
    guard let item = items[id] else { return nil }
    guard item.isLive else { return .alreadyFinished }
    if item.isHeld(at: now) {
      items[id]?.isCancelRequested = true
      items[id]?.rerun = false
      return .requested
    }
    items[id]?.place = .dead(.cancelled)
    items[id]?.isCancelRequested = false
    items[id]?.rerun = false
    return .cancelled
  }

  mutating func runNow(_ id: TaskID, expectedAttempt: Int) -> Bool {
    guard let item = items[id], item.isLive, !item.isHeld(at: now), item.attempt == expectedAttempt else {
      return false
    }
    items[id]?.due = min(item.due, now)
    return true
  }

  mutating func deleteDuplicates(olderThan id: TaskID, payload: String) -> Int {
    let doomed = items.values.filter { $0.id < id && $0.payload == payload && $0.isLive && !$0.isHeld(at: now) }
    for item in doomed { items[item.id]?.place = .gone }
    return doomed.count
  }

  mutating func redrive(_ ids: [TaskID]?) -> [TaskID] {
    var redriven: [TaskID] = []
    for var item in dead.sorted(by: { $0.id < $1.id }) where ids?.contains(item.id) ?? true {
      if let key = item.key, holder(of: key) != nil { continue }
      (item.attempt, item.failures, item.crashes) = (0, 0, 0)
      item.due = now
      item.place = .waiting
      items[item.id] = item
      redriven.append(item.id)
    }
    return redriven
  }
}
