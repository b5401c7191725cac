import SeededRandom
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Random operations on a store beside a small model of the contract; after each step both must agree on every task: none
/// lost, none held twice, all counters right. The same seed gives the same operations.
///
/// ```swift
/// @Test(arguments: [1, 2, 3] as [UInt64])
/// func agrees(seed: UInt64) async throws { try await StoreModelRun.run(seed: seed, on: MyStoreHarness()) }
/// ```
@_spi(Store) public struct StoreModelRun {
  private let probe: StoreProbe
  private var generator: SeededGenerator
  private var model = StoreModel()
  private var claims: [Claim] = []
  private var log: [String] = []

  /// - Parameter harness: of an empty store.
  /// - Throws: ``ConformanceFailure`` with the seed and the last operations.
  public static func run(seed: UInt64, steps: Int = 250, on harness: any StoreHarness) async throws {
    var run = StoreModelRun(probe: StoreProbe(harness), generator: SeededGenerator(seed: seed))
    for step in 1...steps {
      do {
        try await run.step()
        try await run.compare()
      } catch {
        let last = run.log.suffix(12).joined(separator: "; ")
        throw ConformanceFailure("seed \(seed), step \(step): \(error). Last operations: \(last)")
      }
    }
  }

  private init(probe: StoreProbe, generator: SeededGenerator) {
    self.probe = probe
    self.generator = generator
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  private mutating func anyID() -> TaskID {
    TaskID(model.items.keys.map(\.rawValue).sorted().randomElement(using: &generator) ?? 1)
  }

  private mutating func step() async throws {
    switch number(1...100) {
    case 1...25: try await enqueue()
    case 26...45: try await claim()
    case 46...70: try await settle()
    case 71...76: try await renew()
    case 77...86: try await advance()
    case 87...90: try await cancel()
    case 91...93: try await runNow()
    case 94: try await togglePause()
    case 95...97: try await redrive()
    case 98: try await deleteDuplicates()
    default:
      log.append("dropExpiredKeys")
      _ = try await probe.store.dropExpiredKeys()
    }
  }

  private mutating func enqueue() async throws {
    let key = number(1...2) == 1 ? "key \(number(0...3))" : nil
    let mode = StoreConformance.everyMode[number(0...2)]
    let delay = [0, 0, 50, 250][number(0...3)]
    // By key, so that a replacement changes the payload alone.
    let period = key?.last == "0" ? 350 : nil
    let priority = key == nil ? number(1...3) : 2
    let payload = key == nil ? #"{"p":\#(number(0...2))}"# : #"{"v":\#(number(0...999))}"#
    log.append("enqueue \(key ?? "-") \(mode) after \(delay) \(payload)")
    let duplicate = key.flatMap {
      model.enqueueDuplicate(key: $0, mode: mode, payload: payload, due: model.now + delay)
    }
    let result = try await probe.enqueue(json: payload) {
      $0.priority = priority
      $0.schedule = .after(.seconds(delay))
      $0.unique = key.map { UniqueKey($0, mode: mode, periodAfterCompletion: period.map { .seconds($0) }) }
    }
    if let duplicate {
      try requireEqual(result, .init(id: duplicate, isNew: false), "duplicate")
    } else {
      try require(result.isNew, "not new although its key is free")
      try require(model.items[result.id] == nil, "id \(result.id) was given out twice")
      model.items[result.id] = .init(
        id: result.id,
        key: key,
        period: period,
        priority: priority,
        payload: payload,
        due: model.now + delay
      )
    }
  }

  private mutating func claim() async throws {
    let limit = number(1...4)
    let lease = [150, 250][number(0...1)]
    let claimable = model.claimable
    let tasks = try await probe.claim(limit: limit, lease: .seconds(lease))
    log.append("claim \(limit) for \(lease): \(tasks.map(\.claim.id))")
    try requireEqual(tasks.count, min(limit, claimable.count), "claimed")
    let ids = Set(tasks.map(\.claim.id))
    try requireEqual(ids.count, tasks.count, "different tasks in one claim")
    for task in tasks {
      guard let item = claimable.first(where: { $0.id == task.claim.id }) else {
        throw ConformanceFailure("claimed \(task.claim.id), which is \(String(describing: model.items[task.claim.id]))")
      }
      for other in claimable where !ids.contains(other.id) {
        let isFirst = (other.priority, other.due) < (item.priority, item.due)
        try require(!isFirst, "\(item.id) was claimed before \(other.id)")
      }
      model.claim(item.id, token: task.claim.token, lease: lease)
      let claimed = model.items[item.id]
      try requireEqual(task.attempt, claimed?.attempt, "attempt")
      try requireEqual(task.crashes, claimed?.crashes, "crashes")
      try requireEqual(task.failures, claimed?.failures, "failures")
      try requireEqual(task.isCancelRequested, claimed?.isCancelRequested, "isCancelRequested")
    }
    claims += tasks.map(\.claim)
  }

  /// Settles one to three claims at once, new or long stale, each once.
  private mutating func settle() async throws {
    var chosen: [Claim: Settlement.Action] = [:]
    for _ in 1...number(1...3) {
      guard let claim = claims.suffix(12).randomElement(using: &generator) else { return }
      let actions: [Settlement.Action] = [
        .complete, .complete, .reschedule(after: .zero, returnsAttempt: false),
        .reschedule(after: .seconds(150), returnsAttempt: false),
        .reschedule(after: .seconds(50), returnsAttempt: true),
        .fail(StoreProbe.failure(), retryAfter: .seconds([0, 150][number(0...1)])), .release,
        .bury(.discarded, detail: nil, nil), .bury(.failed, detail: nil, StoreProbe.failure()),
      ]
      chosen[claim] = actions[number(0...(actions.count - 1))]
    }
    // Dictionaries have another order in each process: not in a replay.
    let settlements = chosen.map { Settlement($0, $1) }.sorted { $0.claim.id < $1.claim.id }
    log.append("settle \(settlements.map { "\($0.claim.id) \($0.action)" })")
    let expected = settlements.map { model.settle($0.claim, $0.action) }
    let exchange = try await probe.store.exchange(settle: settlements, claim: nil)
    try requireEqual(exchange.applied, expected, "applied")
  }

  private mutating func renew() async throws {
    let chosen = Array(claims.suffix(number(1...5)))
    let lease = [150, 250][number(0...1)]
    log.append("renew \(chosen.map(\.id)) for \(lease)")
    let expected = chosen.map { model.renew($0, lease: lease) }
    try requireEqual(try await probe.store.renew(chosen, lease: .seconds(lease)), expected, "renewals")
  }

  private mutating func advance() async throws {
    let seconds = number(1...3) * 100
    log.append("advance \(seconds)")
    model.now += seconds
    try await probe.advance(by: .seconds(seconds))
  }

  private mutating func cancel() async throws {
    let id = number(1...8) == 1 ? TaskID(1_000_000) : anyID()
    log.append("cancel \(id)")
    if let expected = model.cancel(id) {
      try requireEqual(try await probe.store.cancel(id), expected, "cancel")
    } else {
      let code = try await StoreProbe.errorCode { _ = try await probe.store.cancel(id) }
      try requireEqual(code, .unknownTask, "error of cancelling an unknown id")
    }
  }

  private mutating func runNow() async throws {
    let id = anyID()
    let attempt = number(1...3) == 1 ? 7 : model.items[id]?.attempt ?? 0
    log.append("runNow \(id) \(attempt)")
    let expected = model.runNow(id, expectedAttempt: attempt)
    try requireEqual(try await probe.store.runNow(id, expectedAttempt: attempt), expected, "runNow")
  }

  private mutating func togglePause() async throws {
    log.append(model.isPaused ? "resume" : "pause")
    if model.isPaused { try await probe.store.resume(.default) } else { try await probe.store.pause(.default) }
    model.isPaused.toggle()
  }

  private mutating func redrive() async throws {
    let ids = number(1...2) == 1 ? nil : [anyID(), anyID()]
    log.append("redrive \(ids.map { "\($0)" } ?? "all")")
    let expected = model.redrive(ids)
    try requireEqual(try await probe.store.redrive(.init(ids: ids)), expected, "redriven")
  }

  private mutating func deleteDuplicates() async throws {
    let id = anyID()
    let value = number(0...2)
    log.append("deleteDuplicates before \(id) of \(value)")
    let expected = model.deleteDuplicates(olderThan: id, payload: #"{"p":\#(value)}"#)
    let filter = DuplicateFilter(olderThan: id, type: StoreProbe.type, property: "p", value: "\(value)")
    try requireEqual(try await probe.store.deleteDuplicates(filter), expected, "deleted")
  }

  /// Every task is where the model has it, and nowhere else.
  private func compare() async throws {
    let live = try await probe.store.tasks(after: nil, limit: Limits.page)
    try requireEqual(live.map(\.id), model.items.values.filter(\.isLive).map(\.id).sorted(), "live tasks")
    for task in live {
      guard let item = model.items[task.id] else { continue }
      let state: TaskState = item.isHeld(at: model.now) ? .running : item.due <= model.now ? .due : .waiting
      try requireEqual(task.state, state, "state of \(task.id)")
      try requireEqual(
        [task.attempt, task.failures, task.crashes],
        [item.attempt, item.failures, item.crashes],
        "attempt, failures and crashes of \(task.id)"
      )
      try requireEqual(task.uniqueKey, item.key, "unique key of \(task.id)")
      try requireEqual(task.priority, item.priority, "priority of \(task.id)")
      try require(task.errors.count <= Limits.errorHistory, "\(task.errors.count) errors")
      if item.replacement == nil {
        try requireEqual(String(decoding: task.payload, as: UTF8.self), item.payload, "payload of \(task.id)")
      }
    }
    let dead = try await probe.store.deadLetters(.all, after: nil, limit: Limits.page)
    try requireEqual(dead.map(\.id), model.dead.map(\.id).sorted(), "dead letters")
    for letter in dead {
      guard let item = model.items[letter.id] else { continue }
      try requireEqual(.dead(letter.reason), item.place, "reason of \(letter.id)")
      try requireEqual(
        [letter.attempt, letter.failures, letter.crashes],
        [item.attempt, item.failures, item.crashes],
        "attempt, failures and crashes of \(letter.id)"
      )
    }
  }
}
