@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let control: [Check] = [
    Check("S24 a waiting task is cancelled at once; again is a no-op") { probe in
      let ready = try await probe.enqueue(json: "7").id
      let delayed = try await probe.enqueue { $0.schedule = .after(.seconds(100)) }.id
      for id in [ready, delayed] {
        try requireEqual(try await probe.store.cancel(id), .cancelled, "cancel")
        try requireEqual(try await probe.dead(id).reason, .cancelled, "reason")
        try requireEqual(try await probe.store.cancel(id), .alreadyFinished, "cancel again")
      }
      try requireEqual(String(decoding: try await probe.dead(ready).payload, as: UTF8.self), "7", "payload")
      try await probe.advance(by: .seconds(110))
      try await probe.requireNothingToClaim("they are cancelled")
    },
    Check("S24 cancelling an unknown id is an error, a finished task a no-op") { probe in
      for id in [TaskID(1), TaskID(0), TaskID(-5), TaskID(Int64.max)] {
        let code = try await StoreProbe.errorCode { _ = try await probe.store.cancel(id) }
        try requireEqual(code, .unknownTask, "error of cancelling \(id) in an empty store")
      }
      let id = try await probe.enqueue().id
      try await probe.settleHeld(try await probe.claimOnly(id), .complete)
      try requireEqual(try await probe.store.cancel(id), .alreadyFinished, "cancel")
      let next = TaskID(id.rawValue + 1_000)
      let code = try await StoreProbe.errorCode { _ = try await probe.store.cancel(next) }
      try requireEqual(code, .unknownTask, "error of cancelling an id not given out yet")
    },
    Check("S24 the holder of a running task is told; unless it completes, the task is cancelled") { probe in
      for (name, action) in everyAction where !name.hasPrefix("complete") {
        let id = try await probe.enqueue().id
        let task = try await probe.claimOnly(id)
        try requireEqual(try await probe.store.cancel(id), .requested, "cancel")
        try requireEqual(try await probe.store.cancel(id), .requested, "cancel again")
        try requireEqual(
          try await probe.store.renew([task.claim], lease: .seconds(60)),
          [.cancelRequested],
          "renewal"
        )
        try await probe.settleHeld(task, action)
        try requireEqual(try await probe.dead(id).reason, .cancelled, "reason after \(name)")
        try await probe.requireNothingToClaim("it is cancelled")
      }
    },
    Check("S24 a running task that completes in spite of its cancellation is completed") { probe in
      let id = try await probe.enqueue().id
      let task = try await probe.claimOnly(id)
      try requireEqual(try await probe.store.cancel(id), .requested, "cancel")
      try await probe.settleHeld(task, .complete)
      try await probe.requireGone(id)
    },
    Check("S24 the next holder is told when the first one died") { probe in
      let id = try await probe.enqueue().id
      try require(!(try await probe.claimOnly(id).isCancelRequested), "told without a cancellation")
      try requireEqual(try await probe.store.cancel(id), .requested, "cancel")
      try await probe.advance(by: .seconds(70))
      try require(try await probe.claimOnly(id).isCancelRequested, "the next holder was not told")
    },
    Check("S24 a task whose holder died is cancelled as a waiting one") { probe in
      let id = try await probe.enqueue().id
      let stale = try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      try requireEqual(try await probe.store.cancel(id), .cancelled, "cancel")
      try requireEqual(try await probe.dead(id).reason, .cancelled, "reason")
      try require(!(await probe.settle(stale.claim, .complete)), "the dead holder settled it")
    },
    Check("S25 nobody claims from a paused queue until it is resumed; running tasks go on") { probe in
      let running = try await probe.enqueue().id
      let task = try await probe.claimOnly(running)
      let waiting = try await probe.enqueue().id
      let other = try await probe.enqueue { $0.queue = "other" }.id
      for _ in 1...2 { try await probe.store.pause(.default) }
      try requireEqual(try await probe.store.pausedQueues(), [.default], "paused queues")
      try await probe.claimOnly(other, queues: [.default, "other"])
      try await probe.requireNothingToClaim("the queue is paused")
      let late = try await probe.enqueue().id
      try requireEqual(try await probe.store.renew([task.claim], lease: .seconds(60)), [.renewed], "renewal")
      try await probe.settleHeld(task, .complete)
      try await probe.requireNothingToClaim("the queue is paused")
      for _ in 1...2 { try await probe.store.resume(.default) }
      try requireEqual(try await probe.store.pausedQueues(), [], "paused queues")
      try requireEqual(try await probe.claim().map(\.claim.id), [waiting, late], "claimed when resumed")
    },
    Check("S25 a queue can be paused before it has tasks; several are listed") { probe in
      for queue: QueueName in ["b", "a", "ü 'q'"] { try await probe.store.pause(queue) }
      try requireEqual(Set(try await probe.store.pausedQueues()), ["a", "b", "ü 'q'"], "paused queues")
      try await probe.enqueue { $0.queue = "ü 'q'" }
      try await probe.requireNothingToClaim("the queue was paused before", queues: ["ü 'q'"])
    },
    Check("S25 runNow makes a waiting task due if it still has that attempt count") { probe in
      let id = try await probe.enqueue { $0.schedule = .after(.seconds(1_000)) }.id
      try require(!(await probe.store.runNow(id, expectedAttempt: 1)), "it ran with a wrong attempt count")
      try await probe.requireNothingToClaim("the compare-and-set failed")
      try require(await probe.store.runNow(id, expectedAttempt: 0), "runNow of a waiting task")
      let task = try await probe.claimOnly(id)
      try require(!(await probe.store.runNow(id, expectedAttempt: 1)), "a held task was run")
      try await probe.settleHeld(task, .reschedule(after: .seconds(1_000), returnsAttempt: false))
      try require(!(await probe.store.runNow(id, expectedAttempt: 0)), "it ran with the old attempt count")
      try require(await probe.store.runNow(id, expectedAttempt: 1), "runNow after an attempt")
      try await probe.settleHeld(try await probe.claimOnly(id), .complete)
      try require(!(await probe.store.runNow(id, expectedAttempt: 2)), "a completed task was run")
      try require(!(await probe.store.runNow(TaskID(id.rawValue + 99), expectedAttempt: 0)), "an unknown task was run")
    },
    Check("S8 a queue whose due tasks nobody takes is told; not one that is served, paused, young or at work") {
      probe in
      for queue: QueueName in ["served", "paused", "at work", "at work", "forgotten", "ü 'q'"] {
        try await probe.enqueue { $0.queue = queue }
      }
      try await probe.store.pause("paused")
      try await probe.enqueue {
        $0.queue = "delayed"
        $0.schedule = .after(.seconds(1_000))
      }
      try await probe.advance(by: .seconds(200))
      try requireEqual(try await probe.claim(limit: 1, queues: ["at work"], lease: .seconds(1_000)).count, 1, "claimed")
      try await probe.enqueue { $0.queue = "young" }
      let queues = try await probe.store.unserved(besides: ["served"], dueFor: .seconds(100), within: .seconds(60))
      try requireEqual(Set(queues), ["forgotten", "ü 'q'"], "unserved")
    },
    Check("S25 live tasks are listed by id in pages and counted by queue, type and state") { probe in
      let ready = try await probe.enqueue().id
      let running = try await probe.enqueue { $0.priority = 1 }.id
      _ = try await probe.claim(limit: 1)
      let delayed = try await probe.enqueue { $0.schedule = .after(.seconds(100)) }.id
      let other = try await probe.enqueue(StoreProbe.otherType) { $0.queue = "other" }.id
      let dead = try await probe.bury("conformance.c")
      let ids = try await probe.store.tasks(after: nil, limit: 10).map(\.id)
      try requireEqual(ids, [ready, running, delayed, other], "listed")
      try require(!ids.contains(dead), "a dead task is listed as live")
      try requireEqual(try await probe.store.tasks(after: nil, limit: 2).map(\.id), [ready, running], "first page")
      try requireEqual(try await probe.store.tasks(after: running, limit: 9).map(\.id), [delayed, other], "second")
      try requireEqual(
        Set(try await probe.store.counts()),
        [
          .init(queue: .default, type: StoreProbe.type, state: .due, count: 1),
          .init(queue: .default, type: StoreProbe.type, state: .running, count: 1),
          .init(queue: .default, type: StoreProbe.type, state: .waiting, count: 1),
          .init(queue: "other", type: StoreProbe.otherType, state: .due, count: 1),
        ],
        "counts"
      )
    },
  ]
}
