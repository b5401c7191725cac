@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let enqueueing: [Check] = [
    Check("S13 every option reaches the worker") { probe in
      let deadline = Date(timeIntervalSince1970: 2_000_000_000)
      let retry = RetryPolicy.exponential(base: .seconds(3), factor: 1.5, cap: .seconds(99), jitter: 0.25)
      let headers = ["traceparent": "00-ab-cd-01", "naïve \"key\"": "line\nbreak, {brace}, \\ and ☃"]
      let json = #"{"text":"ü \u0022 \\","numbers":[1,-2.5,1e3],"nested":{"null":null}}"#
      let result = try await probe.enqueue(json: json) {
        $0.queue = "mail out"
        $0.priority = -7
        $0.maxAttempts = 1_000_000
        $0.retry = retry
        $0.headers = headers
        $0.deadline = deadline
        $0.unique = UniqueKey("key 1")
      }
      try require(result.isNew, "the first enqueue is not new")
      let snapshot = try await probe.live(result.id)
      try requireEqual(snapshot.uniqueKey, "key 1", "unique key")
      try requireEqual(snapshot.headers, headers, "headers of the snapshot")
      let task = try await probe.claimOnly(result.id, queues: ["mail out"])
      try requireEqual(task.queue, "mail out", "queue")
      try requireEqual(task.type, StoreProbe.type, "type")
      try requireEqual(task.priority, -7, "priority")
      try requireEqual(task.maxAttempts, 1_000_000, "maxAttempts")
      try requireEqual(task.retry, retry.stored, "retry")
      try requireEqual(task.headers, headers, "headers")
      try requireEqual(task.deadline, deadline, "deadline")
      try requireEqual(String(decoding: task.payload, as: UTF8.self), json, "payload")
      try require(!task.isCancelRequested, "cancellation was never asked for")
    },
    Check("S13 without options the defaults hold") { probe in
      let id = try await probe.enqueue().id
      let task = try await probe.claimOnly(id)
      try requireEqual(task.queue, .default, "queue")
      try requireEqual(task.priority, 100, "priority")
      try require(task.maxAttempts == nil && task.retry == nil && task.deadline == nil, "an option is set")
      try requireEqual(task.headers, [:], "headers")
      try requireEqual(task.attempt, 1, "attempt")
      try probe.requireClose(task.createdAt, task.claimedAt, "creation")
      try probe.requireClose(task.dueAt, task.claimedAt, "due time")
    },
    Check("S13 priorities reach from one end of 16 bits to the other") { probe in
      let last = try await probe.enqueue { $0.priority = Int(Int16.max) }.id
      let first = try await probe.enqueue { $0.priority = Int(Int16.min) }.id
      let claimed = try await probe.claim()
      try requireEqual(claimed.map(\.claim.id), [first, last], "order")
      try requireEqual(claimed.map(\.priority), [Int(Int16.min), Int(Int16.max)], "priorities")
    },
    Check("S13 a task is due after its delay or at its instant; what is past means now") { probe in
      let reference = try await probe.claimOnly(try await probe.enqueue().id).claimedAt
      let delayed = try await probe.enqueue { $0.schedule = .after(.seconds(100)) }.id
      let instant = try await probe.enqueue { $0.schedule = .at(reference.addingTimeInterval(200)) }.id
      try probe.requireClose(try await probe.live(delayed).dueAt, reference.addingTimeInterval(100), "delay")
      try probe.requireClose(try await probe.live(instant).dueAt, reference.addingTimeInterval(200), "instant")
      let past = try await probe.enqueue { $0.schedule = .at(reference.addingTimeInterval(-500)) }.id
      let negative = try await probe.enqueue { $0.schedule = .after(.seconds(-500)) }.id
      for id in [past, negative] {
        let task = try await probe.live(id)
        try requireEqual(task.state, .due, "state")
        try probe.requireClose(task.dueAt, reference, "a due time in the past")
      }
      try requireEqual(Set(try await probe.claim().map(\.claim.id)), [past, negative], "claimed")
      try await probe.advance(by: .seconds(140))
      try require(try await probe.claim().map(\.claim.id).contains(delayed), "the delayed task is not claimed")
      try await probe.advance(by: .seconds(100))
      try require(try await probe.claim().map(\.claim.id).contains(instant), "the task with an instant is not claimed")
    },
    Check("S14 a bulk equals the same single enqueues, with ids in its order") { probe in
      let options: [@Sendable (inout EnqueueOptions) -> Void] = [
        { _ in }, { $0.priority = 3 }, { $0.queue = "other" }, { $0.schedule = .after(.seconds(100)) },
        { $0.headers = ["a": "b"] }, { $0.unique = UniqueKey("u") }, { $0.maxAttempts = 4 },
      ]
      var single: [TaskSnapshot] = []
      for (index, change) in options.enumerated() {
        let id = try await probe.enqueue(json: "{\"n\":\(index)}", change).id
        single.append(try await probe.live(id))
      }
      for task in single { _ = try await probe.store.cancel(task.id) }
      let bulk = try options.enumerated().map { try probe.newTask(json: "{\"n\":\($0.offset)}", $0.element) }
      let results = try await probe.store.enqueue(bulk)
      try requireEqual(results.map(\.isNew), Array(repeating: true, count: options.count), "isNew")
      try requireEqual(results.map(\.id), results.map(\.id).sorted(), "order of ids")
      for (expected, result) in zip(single, results) {
        let actual = try await probe.live(result.id)
        try requireEqual(actual.payload, expected.payload, "payload")
        try requireEqual(actual.priority, expected.priority, "priority")
        try requireEqual(actual.queue, expected.queue, "queue")
        try requireEqual(actual.headers, expected.headers, "headers")
        try requireEqual(actual.uniqueKey, expected.uniqueKey, "unique key")
        try requireEqual(actual.state, expected.state, "state")
        try probe.requireClose(actual.dueAt, expected.dueAt, "due time")
      }
    },
    Check("S14 an empty bulk is a no-op") { probe in
      try requireEqual(try await probe.store.enqueue([]), [], "results")
      try requireEqual(try await probe.store.counts(), [], "counts")
    },
    Check("S14 a bulk with one bad task stores none") { probe in
      let bulk = [try probe.newTask(), try probe.newTask(json: "{\"open\":"), try probe.newTask()]
      let code = try await StoreProbe.errorCode { _ = try await probe.store.enqueue(bulk) }
      try require(code == .encodingFailed || code == .storeFailed, "threw \(String(describing: code))")
      try requireEqual(try await probe.store.counts(), [], "counts")
    },
    Check("S15 a payload that is not JSON is refused") { probe in
      for json in ["", "{", "{\"a\":1}}", "nonsense", "{'a':1}", "{\"a\":01}"] {
        let code = try await StoreProbe.errorCode { try await probe.enqueue(json: json) }
        try require(code == .encodingFailed || code == .storeFailed, "\(json) threw \(String(describing: code))")
      }
      for json in ["null", "7", "\"text\"", "[]", " {\"a\" : [true]} "] { try await probe.enqueue(json: json) }
      try requireEqual(try await probe.claim().count, 5, "tasks")
    },
    Check("S14 a bulk of a thousand is claimed as it was enqueued") { probe in
      let bulk = try (0..<1_000).map { try probe.newTask(json: "\($0)") }
      let results = try await probe.store.enqueue(bulk)
      try requireEqual(Set(results.map(\.id)).count, 1_000, "different ids")
      let claimed = try await probe.claim(limit: 1_000)
      try requireEqual(claimed.map(\.claim.id), results.map(\.id), "ids")
      try requireEqual(
        claimed.map { String(decoding: $0.payload, as: UTF8.self) },
        (0..<1_000).map { "\($0)" },
        "payloads"
      )
    },
  ]
}
