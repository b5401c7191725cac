@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let everyMode: [UniqueKey.Mode] = [.keepExisting, .replace, .coalesce]

  static let uniqueKeys: [Check] = [
    Check("S16 concurrent duplicates of a unique key give one task and everybody its id") { probe in
      for mode in everyMode {
        let key = "key of \(mode)"
        let results = try await withThrowingTaskGroup(of: EnqueueResult.self) { group in
          for _ in 1...20 {
            group.addTask { try await probe.enqueue { $0.unique = UniqueKey(key, mode: mode) } }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        try requireEqual(Set(results.map(\.id)).count, 1, "ids with \(mode)")
        try requireEqual(results.count { $0.isNew }, 1, "new tasks with \(mode)")
        try requireEqual(try await probe.claim().map(\.claim.id), [results[0].id], "claimed")
      }
    },
    Check("S16 a duplicate of a waiting task gets its id, in every mode") { probe in
      for mode in everyMode {
        let first = try await probe.enqueue { $0.unique = UniqueKey("k \(mode)", mode: mode) }
        let second = try await probe.enqueue { $0.unique = UniqueKey("k \(mode)", mode: mode) }
        try require(first.isNew && !second.isNew, "isNew with \(mode)")
        try requireEqual(second.id, first.id, "id with \(mode)")
      }
      try requireEqual(try await probe.claim().count, 3, "tasks")
    },
    Check("S16 keepExisting leaves payload, options and due time alone") { probe in
      let id = try await probe.enqueue(json: "1") {
        $0.unique = UniqueKey("k")
        $0.schedule = .after(.seconds(100))
      }.id
      try await probe.enqueue(json: "2") {
        $0.unique = UniqueKey("k")
        $0.priority = 1
      }
      let task = try await probe.live(id)
      try requireEqual(String(decoding: task.payload, as: UTF8.self), "1", "payload")
      try requireEqual(task.priority, 100, "priority")
      try requireEqual(task.state, .waiting, "state")
    },
    Check("S16 replace gives a waiting task the new payload and options") { probe in
      let id = try await probe.enqueue(json: "1") {
        $0.unique = UniqueKey("k")
        $0.schedule = .after(.seconds(100))
        $0.headers = ["old": "yes"]
        $0.maxAttempts = 3
      }.id
      try await probe.enqueue(StoreProbe.otherType, json: "2") {
        $0.unique = UniqueKey("k", mode: .replace)
        $0.priority = 1
        $0.maxAttempts = 7
      }
      let task = try await probe.claimOnly(id, types: [StoreProbe.otherType])
      try requireEqual(String(decoding: task.payload, as: UTF8.self), "2", "payload")
      try requireEqual(task.priority, 1, "priority")
      try requireEqual(task.maxAttempts, 7, "maxAttempts")
      try requireEqual(task.headers, [:], "headers")
    },
    Check("S16 replace can put a waiting task off") { probe in
      let id = try await probe.enqueue { $0.unique = UniqueKey("k") }.id
      try await probe.enqueue {
        $0.unique = UniqueKey("k", mode: .replace)
        $0.schedule = .after(.seconds(100))
      }
      try await probe.requireNothingToClaim("it was put off")
      try await probe.advance(by: .seconds(110))
      try await probe.claimOnly(id)
    },
    Check("S16 coalesce pulls a waiting task forward, never back, and keeps its payload") { probe in
      let id = try await probe.enqueue(json: "1") {
        $0.unique = UniqueKey("k")
        $0.schedule = .after(.seconds(100))
      }.id
      try await probe.enqueue(json: "2") {
        $0.unique = UniqueKey("k", mode: .coalesce)
        $0.schedule = .after(.seconds(900))
      }
      let before = try await probe.live(id)
      try await probe.enqueue(json: "3") {
        $0.unique = UniqueKey("k", mode: .coalesce)
        $0.schedule = .after(.seconds(50))
      }
      let pulled = try await probe.live(id)
      try probe.requireClose(pulled.dueAt, before.dueAt.addingTimeInterval(-50), "due time")
      try await probe.enqueue(json: "4") { $0.unique = UniqueKey("k", mode: .coalesce) }
      let task = try await probe.claimOnly(id)
      try requireEqual(String(decoding: task.payload, as: UTF8.self), "1", "payload")
    },
    Check("S16 a key belongs to its queue") { probe in
      let one = try await probe.enqueue { $0.unique = UniqueKey("k") }
      let two = try await probe.enqueue {
        $0.unique = UniqueKey("k")
        $0.queue = "other"
      }
      try require(one.isNew && two.isNew && one.id != two.id, "one key in two queues gave one task")
    },
    Check("S16 the key of a task that is gone or dead is free") { probe in
      for action in [Settlement.Action.complete, .bury(.discarded, detail: nil, nil)] {
        let first = try await probe.enqueue { $0.unique = UniqueKey("k") }.id
        try await probe.settleHeld(try await probe.claimOnly(first), action)
        let second = try await probe.enqueue { $0.unique = UniqueKey("k") }
        try require(second.isNew && second.id != first, "the key was not free")
        _ = try await probe.store.cancel(second.id)
      }
      let third = try await probe.enqueue { $0.unique = UniqueKey("k") }
      try require(third.isNew, "the key of a cancelled task was not free")
    },
    Check("S16 a key can cover the finished task for a period, and is free after it") { probe in
      for mode in everyMode {
        let unique = UniqueKey("k \(mode)", mode: mode, periodAfterCompletion: .seconds(300))
        let id = try await probe.enqueue { $0.unique = unique }.id
        try await probe.settleHeld(try await probe.claimOnly(id), .complete)
        try await probe.requireGone(id)
        try await probe.advance(by: .seconds(200))
        let duplicate = try await probe.enqueue { $0.unique = unique }
        try requireEqual(duplicate, .init(id: id, isNew: false), "duplicate within the period")
        try await probe.requireNothingToClaim("the key's period is not over")
        try requireEqual(try await probe.store.cancel(id), .alreadyFinished, "cancel of a finished task")
        try require(!(await probe.store.runNow(id, expectedAttempt: 1)), "a finished task was run")
        try await probe.advance(by: .seconds(200))
        let next = try await probe.enqueue { $0.unique = unique }
        try require(next.isNew && next.id != id, "the key's period is over but it is taken")
        try await probe.settleHeld(try await probe.claimOnly(next.id), .bury(.discarded, detail: nil, nil))
      }
    },
    Check("S16 only completion starts a key's period") { probe in
      let unique = UniqueKey("k", periodAfterCompletion: .seconds(300))
      let first = try await probe.enqueue { $0.unique = unique }.id
      try await probe.settleHeld(try await probe.claimOnly(first), .bury(.discarded, detail: nil, nil))
      try require(try await probe.enqueue { $0.unique = unique }.isNew, "a dead task kept its key")
    },
    Check("S16 finished tasks are dropped when their key's period is over") { probe in
      for index in 1...3 {
        let id = try await probe.enqueue {
          $0.unique = UniqueKey("k\(index)", periodAfterCompletion: .seconds(index == 3 ? 3_000 : 300))
        }.id
        try await probe.settleHeld(try await probe.claimOnly(id), .complete)
      }
      try await probe.enqueue { $0.unique = UniqueKey("live", periodAfterCompletion: .seconds(1)) }
      try requireEqual(try await probe.store.dropExpiredKeys(), 0, "dropped too early")
      try await probe.advance(by: .seconds(400))
      try requireEqual(try await probe.store.dropExpiredKeys(), 2, "dropped")
      try requireEqual(try await probe.store.dropExpiredKeys(), 0, "dropped twice")
      try require(!(try await probe.enqueue { $0.unique = UniqueKey("k3") }.isNew), "a covered key was dropped")
      try requireEqual(try await probe.claim().map(\.payload.count), [2], "live tasks")
    },
    Check("S16 two tasks with one key in one bulk behave as two enqueues") { probe in
      let bulk = [
        try probe.newTask(json: "1") { $0.unique = UniqueKey("k") },
        try probe.newTask(json: "2"),
        try probe.newTask(json: "3") { $0.unique = UniqueKey("k", mode: .replace) },
        try probe.newTask(json: "4") { $0.unique = UniqueKey("k") },
      ]
      let results = try await probe.store.enqueue(bulk)
      try requireEqual(results.map(\.isNew), [true, true, false, false], "isNew")
      try requireEqual(results[2].id, results[0].id, "id of the second")
      try requireEqual(results[3].id, results[0].id, "id of the third")
      let payload = try await probe.live(results[0].id).payload
      try requireEqual(String(decoding: payload, as: UTF8.self), "3", "payload")
      try requireEqual(Set(try await probe.claim().map(\.claim.id)).count, 2, "tasks")
    },
  ]
}
