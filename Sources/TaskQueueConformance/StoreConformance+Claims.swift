@_spi(Store) import TaskQueue

@_spi(Store) extension StoreConformance {
  static let claims: [Check] = [
    Check("S18 tasks come by priority, then due time, then id") { probe in
      let late = try await probe.enqueue { $0.schedule = .after(.seconds(20)) }.id
      let early = try await probe.enqueue { $0.schedule = .after(.seconds(10)) }.id
      let urgent = try await probe.enqueue {
        $0.priority = 1
        $0.schedule = .after(.seconds(25))
      }.id
      let lazy = try await probe.enqueue { $0.priority = 200 }.id
      try await probe.advance(by: .seconds(30))
      let now = try await probe.enqueue().id
      let next = try await probe.enqueue().id
      try requireEqual(
        try await probe.claim().map(\.claim.id),
        [urgent, early, late, now, next, lazy],
        "order in one claim"
      )
    },
    Check("S18 the order holds over several claims with a small limit") { probe in
      var ids: [TaskID] = []
      for priority in [5, 1, 3, 2, 4] { ids.append(try await probe.enqueue { $0.priority = priority }.id) }
      let late = try await probe.enqueue { $0.schedule = .after(.seconds(20)) }.id
      let early = try await probe.enqueue { $0.schedule = .after(.seconds(10)) }.id
      try await probe.advance(by: .seconds(30))
      var order: [TaskID] = []
      for _ in 1...7 { order += try await probe.claim(limit: 1).map(\.claim.id) }
      try requireEqual(order, [ids[1], ids[3], ids[2], ids[4], ids[0], early, late], "order")
    },
    Check("S18 many workers at once claim each task once") { probe in
      let taskCount = 200
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: taskCount))
      let claimed = try await withThrowingTaskGroup(of: [Claim].self) { group in
        for _ in 1...8 {
          group.addTask {
            var mine: [Claim] = []
            while true {
              let batch = try await probe.claim(limit: 7)
              if batch.isEmpty { return mine }
              mine += batch.map(\.claim)
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      // A worker may come back empty while others still take the last ones: what is left comes now.
      let rest = try await probe.claim(limit: taskCount).map(\.claim)
      try requireEqual(claimed.count + rest.count, taskCount, "claims")
      try requireEqual(Set((claimed + rest).map(\.id)).count, taskCount, "different tasks claimed")
    },
    Check("S18 limit and queues are respected") { probe in
      for _ in 1...5 { try await probe.enqueue { $0.queue = "a" } }
      let other = try await probe.enqueue { $0.queue = "b" }.id
      try requireEqual(try await probe.claim(limit: 3, queues: ["a"]).count, 3, "claimed with limit 3")
      try requireEqual(try await probe.claim(limit: 9, queues: ["a"]).map(\.queue), ["a", "a"], "the rest of a")
      try await probe.requireNothingToClaim("no queue was asked for", queues: [])
      try await probe.requireNothingToClaim("an empty queue was asked for", queues: ["c"])
      try await probe.claimOnly(other, queues: ["b", "a"])
    },
    Check("S18 several queues get a fair share, the only busy one everything") { probe in
      for _ in 1...20 { try await probe.enqueue { $0.queue = "a" } }
      for _ in 1...20 {
        try await probe.enqueue {
          $0.queue = "b"
          $0.priority = 200
        }
      }
      let shared = try await probe.claim(limit: 10, queues: ["a", "b", "c"])
      try requireEqual(shared.count, 10, "claimed from several queues")
      for queue: QueueName in ["a", "b"] {
        let share = shared.count { $0.queue == queue }
        try require(share >= 3, "queue \(queue) got \(share) of 10")
      }
      let restOfA = shared.count { $0.queue == "b" } + 10
      let alone = try await probe.claim(limit: 40, queues: ["a"])
      try requireEqual(alone.count, restOfA, "the rest of the only queue asked for")
      let last = try await probe.claim(limit: 4, queues: ["a", "b"])
      try requireEqual(last.map(\.queue), ["b", "b", "b", "b"], "the only busy queue's tasks")
    },
    Check("S18 mayHaveMore is true while a full claim leaves tasks behind") { probe in
      for _ in 1...3 { try await probe.enqueue() }
      let request = ClaimRequest(
        queues: [.default],
        types: [StoreProbe.type],
        limit: 2,
        lease: .seconds(60),
        promotesDue: true
      )
      let first = try await probe.store.exchange(settle: [], claim: request)
      try require(first.mayHaveMore, "tasks are left but mayHaveMore is false")
      let second = try await probe.store.exchange(settle: [], claim: request)
      try requireEqual(second.claimed.count, 1, "the last task")
      let third = try await probe.store.exchange(settle: [], claim: request)
      try require(third.claimed.isEmpty && !third.mayHaveMore, "an empty store says that there may be more")
    },
    Check("S18 one exchange settles and claims") { probe in
      let first = try await probe.enqueue().id
      let second = try await probe.enqueue().id
      let held = try await probe.claim(limit: 1)
      try requireEqual(held.map(\.claim.id), [first], "claimed first")
      let next = try await probe.claim(settling: [.init(held[0].claim, .complete)])
      try requireEqual(next.map(\.claim.id), [second], "claimed with the settlement")
      try await probe.requireGone(first)
      let again = try await probe.claim(settling: [.init(next[0].claim, .release)])
      try requireEqual(again.map(\.claim.id), [second], "claimed again in the exchange that released it")
    },
    Check("S18 an exchange of nothing changes nothing") { probe in
      let id = try await probe.enqueue().id
      let exchange = try await probe.store.exchange(settle: [], claim: nil)
      try require(exchange.applied.isEmpty && exchange.claimed.isEmpty, "something happened")
      try requireEqual(try await probe.live(id).attempt, 0, "attempt")
    },
    Check("S19 a delayed urgent task runs when it is due, not before") { probe in
      let urgent = try await probe.enqueue {
        $0.priority = -5
        $0.schedule = .after(.seconds(100))
      }.id
      let normal = try await probe.enqueue().id
      try requireEqual(try await probe.live(urgent).state, .waiting, "state before it is due")
      let first = try await probe.claimOnly(normal)
      try await probe.settleHeld(first, .reschedule(after: .zero, returnsAttempt: false))
      try await probe.advance(by: .seconds(110))
      try requireEqual(try await probe.claim(limit: 1).map(\.claim.id), [urgent], "first once both are due")
    },
    Check("S19 the time until the next task is due is told") { probe in
      try await probe.enqueue { $0.schedule = .after(.seconds(500)) }
      let request = ClaimRequest(
        queues: [.default],
        types: [StoreProbe.type],
        limit: 5,
        lease: .seconds(60),
        promotesDue: true
      )
      let exchange = try await probe.store.exchange(settle: [], claim: request)
      guard let due = exchange.nextDueIn else { throw ConformanceFailure("nextDueIn is nil") }
      try require(due > .seconds(480) && due <= .seconds(501), "nextDueIn is \(due) for a task due in 500 s")
    },
    Check("S8 a task of an unknown type stays, visibly, for a worker that knows it") { probe in
      let unknown = try await probe.enqueue(StoreProbe.otherType) { $0.priority = 1 }.id
      let future = try await probe.enqueue("conformance.c") { $0.schedule = .after(.seconds(900)) }.id
      let known = try await probe.enqueue().id
      try await probe.claimOnly(known)
      try await probe.requireNothingToClaim("no type is known", types: [])
      let counts = try await probe.store.unhandled(queues: [.default, "x"], knownTypes: [StoreProbe.type])
      try requireEqual(
        counts,
        [.init(queue: .default, type: StoreProbe.otherType, state: .due, count: 1)],
        "unhandled"
      )
      try requireEqual(
        try await probe.store.unhandled(queues: ["x"], knownTypes: []),
        [],
        "unhandled in another queue"
      )
      let snapshot = try await probe.live(unknown)
      try requireEqual(snapshot.attempt, 0, "attempt")
      try requireEqual(snapshot.state, .due, "state")
      let claimed = try await probe.claimOnly(unknown, types: [StoreProbe.otherType])
      try requireEqual(claimed.type, StoreProbe.otherType, "type")
      try requireEqual(try await probe.live(future).state, .waiting, "state of the future task")
    },
  ]
}
