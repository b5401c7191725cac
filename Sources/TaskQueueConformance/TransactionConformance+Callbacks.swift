@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension TransactionConformance {
  static var callbacks: [Check] {
    [
      Check("S16 an event counts once, and an event of another source is another one") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let first = try await probe.accept(.init(source: "p", id: "1"), try probe.wake("s"), by: inbox)
        try require(first.isNew, "the first task is not new")
        let repeated = try await inbox.receive(.init(source: "p", id: "1"), wake: try probe.wake("s"))
        try requireEqual(repeated, .duplicate, "receipt of a repetition")
        let other = try await probe.accept(.init(source: "q", id: "1"), try probe.wake("s"), by: inbox)
        try requireEqual(other, .init(id: first.id, isNew: false), "task of the other event")
        try await probe.tasks.claimOnly(first.id)
      },
      Check("S17 a running task is not disturbed by callbacks, and runs once more for all of them") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let id = try await probe.accept(.init(source: "p", id: "1"), try probe.wake("s"), by: inbox).id
        let running = try await probe.tasks.claimOnly(id)
        for event in ["2", "3"] {
          let again = try await probe.accept(.init(source: "p", id: event), try probe.wake("s"), by: inbox)
          try requireEqual(again, .init(id: id, isNew: false), "task of event \(event)")
        }
        try await probe.tasks.requireNothingToClaim("it runs")
        try requireEqual(try await probe.store.renew([running.claim], lease: .seconds(60)), [.renewed], "renewal")
        try await probe.tasks.settleHeld(running, .complete)
        let rerun = try await probe.tasks.claimOnly(id)
        let late = try await inbox.receive(.init(source: "p", id: "3"), wake: try probe.wake("s"))
        try requireEqual(late, .duplicate, "receipt of a repetition")
        try await probe.tasks.settleHeld(rerun, .complete)
        try await probe.tasks.requireNothingToClaim("every event was looked after")
      },
      Check("S17 a waiting task is pulled forward by a callback") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let task = try probe.wake("s") { $0.schedule = .after(.seconds(3_600)) }
        let id = try await probe.store.enqueue([task])[0].id
        try await probe.tasks.requireNothingToClaim("it waits")
        let woken = try await probe.accept(.init(source: "p", id: "1"), try probe.wake("s"), by: inbox)
        try requireEqual(woken, .init(id: id, isNew: false), "woken task")
        try await probe.tasks.claimOnly(id)
      },
      Check("S13 the options of a task woken by a callback are kept") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let deadline = Date(timeIntervalSince1970: 4_000_000_000)
        let task = try probe.wake("s") {
          $0.queue = "callbacks"
          $0.priority = 7
          $0.maxAttempts = 3
          $0.retry = .fixed(.seconds(5))
          $0.headers = ["a": "b"]
          $0.deadline = deadline
        }
        let id = try await probe.accept(.init(source: "p", id: "1"), task, by: inbox).id
        let claimed = try await probe.tasks.claimOnly(id, queues: ["callbacks"])
        try requireEqual(claimed.priority, 7, "priority")
        try requireEqual(claimed.maxAttempts, 3, "maxAttempts")
        try requireEqual(claimed.retry?.baseSeconds, 5, "retry")
        try requireEqual(claimed.headers, ["a": "b"], "headers")
        try requireEqual(claimed.deadline, deadline, "deadline")
      },
      Check("S11 an event received in a transaction that rolls back is a new one next time") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let event = CallbackEvent(source: "p", id: "1")
        let task = try probe.wake("s")
        try await probe.rollingBack { transaction in
          let receipts = [
            try await inbox.receive(event, wake: task, in: transaction),
            try await inbox.receive(event, wake: task, in: transaction),
          ]
          try require(receipts[0] != .duplicate && receipts[1] == .duplicate, "receipts are \(receipts)")
        }
        try await probe.tasks.requireNothingToClaim("it was rolled back")
        try await probe.tasks.claimOnly(try await probe.accept(event, task, by: inbox).id)
      },
      Check("S17 an event whose subject is unknown waits, and is handed over once when the subject becomes known") {
        probe in
        let inbox = CallbackInbox(store: probe.store)
        let payload = Data(#"{"n":1}"#.utf8)
        let events = ["1", "2"].map { CallbackEvent(source: "p", id: $0, subject: "s", payload: payload) }
        for event in events {
          try requireEqual(try await inbox.receive(event) { _ in nil }, .remembered, "receipt")
          try requireEqual(try await inbox.receive(event) { _ in nil }, .duplicate, "receipt of a repetition")
        }
        try await probe.rollingBack { transaction in
          let claimed = try await inbox.claimEvents(source: "p", subject: "s", in: transaction)
          try requireEqual(claimed.map(\.id), ["1", "2"], "claimed")
          let again = try await inbox.claimEvents(source: "p", subject: "s", in: transaction)
          try requireEqual(again.map(\.id), [], "claimed twice in one transaction")
        }
        let other = try await probe.store.withTransaction { transaction in
          try await inbox.claimEvents(source: "p", subject: "other", in: transaction).map(\.id)
        }
        try requireEqual(other, [], "claimed for another subject")
        let claimed = try await probe.store.withTransaction { transaction in
          try await inbox.claimEvents(source: "p", subject: "s", in: transaction)
        }
        try requireEqual(claimed.map(\.id), ["1", "2"], "claimed after a rollback")
        try requireEqual(claimed.map(\.payload), [payload, payload], "payloads")
        let again = try await probe.store.withTransaction { transaction in
          try await inbox.claimEvents(source: "p", subject: "s", in: transaction).map(\.id)
        }
        try requireEqual(again, [], "claimed twice")
      },
      Check("S17 an event whose subject is known wakes its task") { probe in
        let inbox = CallbackInbox(store: probe.store)
        let task = try probe.wake("s")
        let receipt = try await inbox.receive(.init(source: "p", id: "1", subject: "s")) { _ in task }
        guard case .accepted(let result) = receipt else { throw ConformanceFailure("the receipt is \(receipt)") }
        try await probe.tasks.claimOnly(result.id)
        try requireEqual(
          try await inbox.receive(.init(source: "p", id: "1", subject: "s")) { _ in task },
          .duplicate,
          "receipt of a repetition"
        )
      },
      Check("S40 expired events do not count any more and are purged, remembered ones too") { probe in
        let inbox = CallbackInbox(store: probe.store, retention: .seconds(100))
        let known = CallbackEvent(source: "p", id: "1")
        _ = try await probe.accept(known, try probe.wake("s"), by: inbox)
        let receipt = try await inbox.receive(.init(source: "p", id: "2", subject: "s")) { _ in nil }
        try requireEqual(receipt, .remembered, "receipt")
        try requireEqual(try await inbox.purgeExpired(), 0, "purged too early")
        try await probe.advance(by: .seconds(130))
        let claimed = try await probe.store.withTransaction { transaction in
          try await inbox.claimEvents(source: "p", subject: "s", in: transaction).map(\.id)
        }
        try requireEqual(claimed, [], "claimed although expired")
        try requireEqual(try await inbox.purgeExpired(), 2, "purged")
        _ = try await probe.accept(known, try probe.wake("s"), by: inbox)
      },
    ]
  }
}
