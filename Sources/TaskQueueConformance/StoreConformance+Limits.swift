@_spi(Store) import TaskQueue

@_spi(Store) extension StoreConformance {
  static let limits: [Check] = [
    Check("S46 no more tasks of a key run than its limit says; others are not held up") { probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 2)])
      let ids = try await probe.limited("bank", "a", count: 4)
      let other = try await probe.limited("bank", "b", count: 1)[0]
      let free = try await probe.enqueue().id
      let claimed = try await probe.claim()
      try requireEqual(Set(claimed.map(\.claim.id)), [ids[0], ids[1], other, free], "claimed")
      try requireEqual(try await probe.live(ids[2]).state, .limited, "state in line")
      try requireEqual(try await probe.live(ids[2]).limit, TaskLimit("bank", key: "a"), "limit")
      try await probe.requireNothingToClaim("both slots are taken")
      let first = claimed.first { $0.claim.id == ids[0] }!
      let next = try await probe.claim(settling: [.init(first.claim, .complete)])
      try requireEqual(next.map(\.claim.id), [ids[2]], "claimed with the settlement that left a slot")
      try await probe.requireNothingToClaim("the slot is taken again")
    },
    Check("S46 a line is served by priority, then in the order of enqueue") { probe in
      try await probe.store.declare([LimitRule("one")])
      let first = try await probe.limited("one", "", count: 1)[0]
      let held = try await probe.claimOnly(first)
      let rest = try await probe.limited("one", "", count: 2)
      let urgent = try await probe.enqueue {
        $0.limit = TaskLimit("one")
        $0.priority = 1
      }.id
      try requireEqual(try await probe.drainLine(from: held), [urgent] + rest, "order")
    },
    Check("S46 a limit that was never declared is refused") { probe in
      let code = try await StoreProbe.errorCode { try await probe.enqueue { $0.limit = TaskLimit("nobody") } }
      try requireEqual(code, .unknownLimit, "error")
      let change = try await StoreProbe.errorCode { try await probe.store.change("nobody", .pause) }
      try requireEqual(change, .unknownLimit, "error of a change")
      try requireEqual(try await probe.store.counts(), [], "tasks")
    },
    Check("S46 a waiting retry gives its slot back, and stands in line again when it is due") { probe in
      try await probe.store.declare([LimitRule("bank")])
      let ids = try await probe.limited("bank", "a", count: 2)
      let first = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(first, .fail(StoreProbe.failure(), retryAfter: .seconds(100)))
      let second = try await probe.claimOnly(ids[1])
      try await probe.advance(by: .seconds(110))
      try await probe.settleHeld(try await probe.takeOverIfEnded(second), .complete)
      try await probe.claimOnly(ids[0])
    },
    Check("S46 a task that is handed back or retried at once keeps its slot") { probe in
      try await probe.store.declare([LimitRule("bank")])
      let ids = try await probe.limited("bank", "a", count: 2)
      let first = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(first, .release)
      let again = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(again, .fail(StoreProbe.failure(), retryAfter: .zero))
      try await probe.claimOnly(ids[0])
    },
    Check("S46 a worker that died keeps the slot until the task is claimed again; its late outcome changes nothing") {
      probe in
      try await probe.store.declare([LimitRule("bank")])
      let ids = try await probe.limited("bank", "a", count: 2)
      let first = try await probe.claimOnly(ids[0])
      let second = try await probe.takeOver(first)
      try requireEqual(second.claim.id, ids[0], "taken over")
      try require(!(await probe.settle(first.claim, .complete)), "a stale outcome was applied")
      try await probe.requireNothingToClaim("the slot is taken")
      try await probe.settleHeld(second, .complete)
      try await probe.claimOnly(ids[1])
    },
    Check("S46 cancelled, buried and deleted tasks leave their slots and their places") { probe in
      try await probe.store.declare([LimitRule("bank")])
      let ids = try await probe.limited("bank", "a", count: 5)
      let first = try await probe.claimOnly(ids[0])
      try requireEqual(try await probe.store.cancel(ids[1]), .cancelled, "cancelled in line")
      try await probe.settleHeld(first, .bury(.discarded, detail: nil, nil))
      let third = try await probe.claimOnly(ids[2])
      try await probe.settleHeld(third, .release)
      try requireEqual(try await probe.store.cancel(ids[2]), .cancelled, "cancelled with a slot")
      let fourth = try await probe.claimOnly(ids[3])
      try await probe.settleHeld(fourth, .release)
      let filter = DuplicateFilter(olderThan: ids[4], type: StoreProbe.type, property: "n", value: "3")
      try requireEqual(try await probe.store.deleteDuplicates(filter), 1, "deleted")
      let last = try await probe.claimOnly(ids[4])
      try requireEqual(try await probe.store.redrive(.init(ids: [ids[0]])), [ids[0]], "redriven")
      try await probe.requireNothingToClaim("the redriven one stands in line")
      try await probe.settleHeld(last, .complete)
      try await probe.claimOnly(ids[0])
    },
    Check("S46 a delayed task takes its place when it is due, also when it is made due") { probe in
      try await probe.store.declare([LimitRule("bank")])
      let late = try await probe.enqueue {
        $0.limit = TaskLimit("bank")
        $0.schedule = .after(.seconds(1_000))
      }.id
      let first = try await probe.limited("bank", "", count: 1)[0]
      let held = try await probe.claimOnly(first)
      try require(await probe.store.runNow(late, expectedAttempt: 0), "was not made due")
      try await probe.requireNothingToClaim("the slot is taken")
      try await probe.settleHeld(held, .complete)
      try await probe.claimOnly(late)
    },
    Check("S46 replaced and coalesced tasks keep to their limits") { probe in
      try await probe.store.declare([LimitRule("bank"), LimitRule("other")])
      let first = try await probe.enqueue {
        $0.limit = TaskLimit("bank")
        $0.unique = UniqueKey("k")
      }.id
      let second = try await probe.limited("bank", "", count: 1)[0]
      // Admitted, and then replaced by one of another limit: the slot is free.
      let held = try await probe.claimOnly(first)
      try await probe.settleHeld(held, .release)
      try await probe.enqueue {
        $0.limit = TaskLimit("other")
        $0.unique = UniqueKey("k", mode: .replace)
      }
      try requireEqual(Set(try await probe.claim().map(\.claim.id)), [first, second], "claimed after the replacement")
      // A held one is marked to run once more, under the limit that it has.
      try await probe.enqueue {
        $0.limit = TaskLimit("bank")
        $0.unique = UniqueKey("k", mode: .replace)
      }
      try requireEqual(try await probe.live(first).limit, TaskLimit("other"), "limit of the held one")
      let late = try await probe.enqueue {
        $0.limit = TaskLimit("other")
        $0.unique = UniqueKey("late")
        $0.schedule = .after(.seconds(1_000))
      }.id
      try await probe.enqueue { $0.unique = UniqueKey("late", mode: .coalesce) }
      try requireEqual(try await probe.live(late).state, .limited, "state of the one pulled forward")
    },
    Check("S46 a limit is lowered, raised, paused, resumed and reset live, and people win over programs") { probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 2)])
      let ids = try await probe.limited("bank", "", count: 6)
      let claimed = try await probe.claim()
      try requireEqual(claimed.map(\.claim.id), [ids[0], ids[1]], "with two")
      try await probe.store.change("bank", .set(1))
      try await probe.store.declare([LimitRule("bank", concurrency: 2)])
      try requireEqual(try await probe.store.limits().map(\.concurrency), [1], "what holds")
      try await probe.settleHeld(claimed[0], .complete)
      try await probe.settleHeld(claimed[1], .release)
      try requireEqual(try await probe.claim().count, 1, "with one")
      try await probe.store.change("bank", .set(3))
      try requireEqual(try await probe.claim().count, 2, "with three")
      try await probe.store.change("bank", .pause)
      try requireEqual(try await probe.store.limits().map(\.isPaused), [true], "paused")
      try await probe.limited("bank", "new", count: 1)
      try await probe.requireNothingToClaim("the limit is paused")
      try await probe.store.change("bank", .resume)
      try requireEqual(try await probe.claim().count, 1, "after the pause")
      try await probe.store.change("bank", .reset)
      try requireEqual(try await probe.store.limits(), [LimitStatus(rule: LimitRule("bank", concurrency: 2))], "reset")
    },
    Check("S46 a paused queue keeps its slots, and its line goes on when it is resumed") { probe in
      try await probe.store.declare([LimitRule("bank")])
      let ids = try await probe.limited("bank", "", count: 2)
      try await probe.store.pause(.default)
      try await probe.requireNothingToClaim("the queue is paused")
      try await probe.store.resume(.default)
      let first = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(first, .complete)
      try await probe.claimOnly(ids[1])
    },
    Check("S46 many workers at once never run more than a limit allows, and all is done") { probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 2)])
      let tasks = try (0..<120).map { n in try probe.newTask { $0.limit = TaskLimit("bank", key: "\(n % 10)") } }
      _ = try await probe.store.enqueue(tasks)
      let done = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 1...4 {
          group.addTask {
            var count = 0
            var idle = 0
            while idle < 200 {
              let claimed = try await probe.claim(limit: 5)
              let running = try await probe.store.counts().filter { $0.state == .running }.reduce(0) { $0 + $1.count }
              try require(running <= 20, "\(running) of ten keys with two each")
              for task in claimed { try await probe.settleHeld(task, .complete) }
              count += claimed.count
              if claimed.isEmpty {
                if try await probe.store.counts().isEmpty { break }
                try await Task.sleep(for: .milliseconds(50))
                idle += 1
              } else {
                idle = 0
              }
            }
            return count
          }
        }
        return try await group.reduce(0, +)
      }
      try requireEqual(done, 120, "done")
    },
  ]

  static let orderedLimits: [Check] = [
    Check("S47 an ordered line runs in the order of enqueue, also over retries and whatever the priorities") { probe in
      try await probe.store.declare([LimitRule("account", order: .ordered())])
      var ids = try await probe.limited("account", "7", count: 2)
      ids.append(
        try await probe.enqueue {
          $0.limit = TaskLimit("account", key: "7")
          $0.priority = 1
        }.id
      )
      let first = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(first, .fail(StoreProbe.failure(), retryAfter: .seconds(100)))
      try await probe.requireNothingToClaim("the first one waits for its retry")
      try await probe.advance(by: .seconds(110))
      let again = try await probe.claimOnly(ids[0])
      try requireEqual(try await probe.drainLine(from: again), [ids[1], ids[2]], "order")
    },
    Check("S47 behind a dead letter an ordered line goes on, unless its rule says that it holds") { probe in
      try await probe.store.declare([
        LimitRule("on", order: .ordered(afterDeadLetter: .goOn)),
        LimitRule("hold", order: .ordered(afterDeadLetter: .hold)),
      ])
      let on = try await probe.limited("on", "", count: 2)
      try await probe.settleHeld(try await probe.claimOnly(on[0]), .bury(.failed, detail: nil, StoreProbe.failure()))
      try await probe.settleHeld(try await probe.claimOnly(on[1]), .complete)

      let held = try await probe.limited("hold", "", count: 4)
      try await probe.settleHeld(try await probe.claimOnly(held[0]), .bury(.failed, detail: nil, StoreProbe.failure()))
      try await probe.requireNothingToClaim("a dead letter holds the line")
      _ = try await probe.store.redrive(.init(ids: [held[0]]))
      let redriven = try await probe.claimOnly(held[0])
      try await probe.settleHeld(redriven, .bury(.failed, detail: nil, StoreProbe.failure()))
      try requireEqual(try await probe.store.purge(.init(ids: [held[0]])), 1, "purged")
      let second = try await probe.claimOnly(held[1])
      // A cancelled one holds nobody up.
      try requireEqual(try await probe.store.cancel(held[1]), .requested, "cancellation")
      try await probe.settleHeld(second, .release)
      try await probe.claimOnly(held[2])
    },
    Check("S47 an ordered limit lets one task run at a time, whoever wants more") { probe in
      try await probe.store.declare([LimitRule("account", order: .ordered())])
      let code = try await StoreProbe.errorCode { try await probe.store.change("account", .set(2)) }
      try requireEqual(code, .invalidOption, "error")
    },
  ]
}

extension StoreProbe {
  /// Tasks of one key, with their number as the property `n`.
  @discardableResult
  func limited(_ name: String, _ key: String, count: Int) async throws -> [TaskID] {
    let tasks = try (0..<count).map { n in
      try newTask(json: #"{"n": \#(n)}"#) { $0.limit = TaskLimit(name, key: key) }
    }
    return try await store.enqueue(tasks).map(\.id)
  }

  /// Completes one task after another, and returns which ones came.
  fileprivate func drainLine(from first: ClaimedTask) async throws -> [TaskID] {
    var held = first
    var ids: [TaskID] = []
    while true {
      let next = try await claim(settling: [.init(held.claim, .complete)])
      guard let task = next.first else { return ids }
      try requireEqual(next.count, 1, "claimed at once")
      ids.append(task.claim.id)
      held = task
    }
  }

  /// The claim, or the next one if its lease has ended.
  fileprivate func takeOverIfEnded(_ task: ClaimedTask) async throws -> ClaimedTask {
    try await claim().first { $0.claim.id == task.claim.id } ?? task
  }
}
