@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let deadLetters: [Check] = [
    Check("S10 a dead letter keeps everything") { probe in
      let json = #"{"order":7,"text":"ü"}"#
      let result = try await probe.enqueue(json: json) {
        $0.priority = 42
        $0.headers = ["trace": "1"]
      }
      let created = try await probe.live(result.id).createdAt
      let failures = (1...2).map { StoreProbe.failure("error \($0)", attempt: $0) }
      try await probe.settleHeld(
        try await probe.claimOnly(result.id),
        .fail(failures[0], retryAfter: .zero)
      )
      try await probe.settleHeld(
        try await probe.claimOnly(result.id),
        .bury(.failed, detail: "too often", failures[1])
      )
      let letter = try await probe.dead(result.id)
      try requireEqual(letter.type, StoreProbe.type, "type")
      try requireEqual(letter.queue, .default, "queue")
      try requireEqual(letter.priority, 42, "priority")
      try requireEqual(String(decoding: letter.payload, as: UTF8.self), json, "payload")
      try requireEqual(letter.headers, ["trace": "1"], "headers")
      try requireEqual(letter.reason, .failed, "reason")
      try requireEqual(letter.detail, "too often", "detail")
      try requireEqual(letter.attempt, 2, "attempt")
      try requireEqual(letter.failures, 2, "failures")
      try requireEqual(letter.errors, failures, "errors")
      try probe.requireClose(letter.createdAt, created, "creation")
      try probe.requireClose(letter.diedAt, created, "death")
    },
    Check("S10 the error history keeps the latest ten") { probe in
      let id = try await probe.enqueue().id
      for attempt in 1...13 {
        let failure = StoreProbe.failure("error \(attempt)", attempt: attempt)
        try await probe.settleHeld(try await probe.claimOnly(id), .fail(failure, retryAfter: .zero))
      }
      let snapshot = try await probe.live(id)
      try requireEqual(snapshot.failures, 13, "failures")
      try requireEqual(snapshot.errors.map(\.attempt), Array(4...13), "attempts in the history")
      try await probe.settleHeld(
        try await probe.claimOnly(id),
        .bury(.failed, detail: nil, StoreProbe.failure("last", attempt: 14))
      )
      try requireEqual(try await probe.dead(id).errors.map(\.attempt), Array(5...14), "attempts when dead")
    },
    Check("S10 dead letters are listed by id, in pages, by type and by age") { probe in
      let first = try await probe.bury()
      let other = try await probe.bury(StoreProbe.otherType)
      try await probe.advance(by: .seconds(1_000))
      let last = try await probe.bury()
      func list(_ filter: DeadLetterFilter, after id: TaskID? = nil, limit: Int = 10) async throws -> [TaskID] {
        try await probe.store.deadLetters(filter, after: id, limit: limit).map(\.id)
      }
      try requireEqual(try await list(.all), [first, other, last], "all")
      try requireEqual(try await list(.all, limit: 2), [first, other], "first page")
      try requireEqual(try await list(.all, after: other, limit: 2), [last], "second page")
      try requireEqual(try await list(.init(type: StoreProbe.type)), [first, last], "by type")
      try requireEqual(try await list(.init(olderThan: .seconds(500))), [first, other], "by age")
      try requireEqual(try await list(.init(ids: [last, first])), [first, last], "by ids")
      try requireEqual(try await list(.init(ids: [])), [], "by no ids")
      try requireEqual(
        try await list(.init(ids: [first, other], type: StoreProbe.otherType, olderThan: .seconds(500))),
        [other],
        "by everything"
      )
    },
    Check("S10 a redriven task lives again under its id, due at once, afresh, with its history") { probe in
      let id = try await probe.enqueue(json: "7") {
        $0.priority = 3
        $0.headers = ["a": "b"]
        $0.maxAttempts = 5
        $0.deadline = Date(timeIntervalSince1970: 4_000_000_000)
      }.id
      _ = try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      let failure = StoreProbe.failure()
      let stale = try await probe.claimOnly(id)
      try await probe.settleHeld(stale, .bury(.failed, detail: nil, failure))
      try requireEqual(try await probe.store.redrive(.init(ids: [id])), [id], "redriven")
      try require(try await probe.letter(id) == nil, "it is live and dead")
      try requireEqual(try await probe.live(id).errors, [failure], "errors")
      try require(!(await probe.settle(stale.claim, .complete)), "a claim from before its death settled it")
      let task = try await probe.claimOnly(id)
      try requireEqual(task.attempt, 1, "attempt")
      try requireEqual(task.failures + task.crashes, 0, "failures and crashes")
      try requireEqual(String(decoding: task.payload, as: UTF8.self), "7", "payload")
      try requireEqual(task.priority, 3, "priority")
      try requireEqual(task.headers, ["a": "b"], "headers")
      try requireEqual(task.maxAttempts, 5, "maxAttempts")
      try requireEqual(task.deadline, nil, "deadline")
      try requireEqual(try await probe.store.redrive(.init(ids: [id])), [], "redriven when live")
    },
    Check("S10 dead letters are redriven by type and all together") { probe in
      let one = try await probe.bury()
      let two = try await probe.bury(StoreProbe.otherType)
      let three = try await probe.bury()
      let four = try await probe.bury(StoreProbe.otherType)
      try requireEqual(try await probe.store.redrive(.init(type: StoreProbe.type)), [one, three], "by type")
      try requireEqual(try await probe.claim().map(\.claim.id), [one, three], "claimed")
      try requireEqual(try await probe.store.redrive(.all), [two, four], "all")
      try requireEqual(try await probe.store.redrive(.all), [], "all again")
      try requireEqual(try await probe.store.deadLetters(.all, after: nil, limit: 10).count, 0, "left")
    },
    Check("S10 a dead letter whose unique key is taken stays dead") { probe in
      let dead = try await probe.bury { $0.unique = UniqueKey("k") }
      let dead2 = try await probe.bury { $0.unique = UniqueKey("k") }
      let live = try await probe.enqueue { $0.unique = UniqueKey("k") }.id
      try requireEqual(try await probe.store.redrive(.all), [], "redriven while the key is taken")
      try await probe.settleHeld(try await probe.claimOnly(live), .complete)
      try requireEqual(try await probe.store.redrive(.all), [dead], "redriven: the older of two with one key")
      _ = try await probe.dead(dead2)
      let duplicate = try await probe.enqueue { $0.unique = UniqueKey("k") }
      try requireEqual(duplicate, .init(id: dead, isNew: false), "a redriven task holds its key again")
    },
    Check("S10 dead letters are purged for good") { probe in
      let one = try await probe.bury()
      let two = try await probe.bury(StoreProbe.otherType)
      try await probe.advance(by: .seconds(1_000))
      let three = try await probe.bury()
      try requireEqual(try await probe.store.purge(.init(type: StoreProbe.otherType)), 1, "purged by type")
      try requireEqual(try await probe.store.purge(.init(olderThan: .seconds(500))), 1, "purged by age")
      try await probe.requireGone(one)
      try await probe.requireGone(two)
      _ = try await probe.dead(three)
      try requireEqual(try await probe.store.purge(.init(ids: [one, three])), 1, "purged by ids")
      try requireEqual(try await probe.store.purge(.all), 0, "purged again")
      try requireEqual(try await probe.store.redrive(.all), [], "redriven after the purge")
      try requireEqual(try await probe.store.cancel(three), .alreadyFinished, "cancel of a purged task")
    },
    Check("S40 a walk over the dead letters meets those of its moment once each, past the ones whose keys are taken") {
      probe in
      for _ in 1...2 { _ = try await probe.bury { $0.unique = UniqueKey("k") } }
      let count = 2 * Limits.page + 100
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: count))
      func buryAll() async throws {
        while case let claimed = try await probe.claim(limit: Limits.page), !claimed.isEmpty {
          let burials = claimed.map { Settlement($0.claim, .bury(.discarded, detail: nil, nil)) }
          _ = try await probe.store.exchange(settle: burials, claim: nil)
        }
      }
      try await buryAll()
      var redriven: [TaskID] = []
      var cursor: DeadLetterCursor?
      var steps = 0
      repeat {
        let page = try await probe.store.redrive(.all, from: cursor)
        redriven += page.ids
        cursor = page.next
        steps += 1
        try await buryAll()
      } while cursor != nil && steps < 10
      try requireEqual(redriven.count, count + 1, "redriven")
      try requireEqual(Set(redriven).count, count + 1, "different ones")
      try requireEqual(steps, 3, "steps")
      for filter in [DeadLetterFilter(type: StoreProbe.type), .init(olderThan: .zero), .all] {
        var purged = 0
        steps = 0
        repeat {
          let page = try await probe.store.purge(filter, from: cursor)
          purged += page.ids.count
          cursor = page.next
          steps += 1
        } while cursor != nil && steps < 10
        try requireEqual(purged, filter.type == nil ? 0 : count + 2, "purged")
      }
    },
    Check("S10 administrative calls change and return at most a page") { probe in
      let count = Limits.page + 5
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: count))
      try requireEqual(try await probe.store.tasks(after: nil, limit: count).count, Limits.page, "tasks listed")
      let claimed = try await probe.claim(limit: count)
      let settlements = claimed.map { Settlement($0.claim, .bury(.discarded, detail: nil, nil)) }
      _ = try await probe.store.exchange(settle: settlements, claim: nil)
      let letters = try await probe.store.deadLetters(.all, after: nil, limit: count)
      try requireEqual(letters.count, Limits.page, "dead letters listed")
      try requireEqual(try await probe.store.redrive(.all).count, Limits.page, "redriven")
      try requireEqual(try await probe.store.redrive(.all).count, 5, "redriven then")
      let again = try await probe.claim(limit: count)
      try requireEqual(again.count, count, "claimed again")
      let burials = again.map { Settlement($0.claim, .bury(.discarded, detail: nil, nil)) }
      _ = try await probe.store.exchange(settle: burials, claim: nil)
      try requireEqual(try await probe.store.purge(.all), Limits.page, "purged")
      try requireEqual(try await probe.store.purge(.all), 5, "purged then")
    },
  ]
}
