@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let duplicates: [Check] = [
    Check("S17 deleteDuplicates removes the older waiting tasks of that type and property, and nothing else") { probe in
      let older = try await probe.enqueue(json: #"{"payment":7}"#).id
      let delayed = try await probe.enqueue(json: #"{"payment":7}"#) { $0.schedule = .after(.seconds(100)) }.id
      let otherValue = try await probe.enqueue(json: #"{"payment":8}"#).id
      let nested = try await probe.enqueue(json: #"{"nested":{"payment":7}}"#).id
      let otherType = try await probe.enqueue(StoreProbe.otherType, json: #"{"payment":7}"#).id
      let urgent = try await probe.enqueue(json: #"{"payment":7}"#) { $0.priority = 10 }.id
      let newest = try await probe.enqueue(json: #"{"payment":7}"#).id
      let younger = try await probe.enqueue(json: #"{"payment":7}"#).id
      let filter = DuplicateFilter(
        olderThan: newest,
        type: StoreProbe.type,
        property: "payment",
        value: "7",
        minPriority: 100
      )
      try requireEqual(try await probe.store.deleteDuplicates(filter), 2, "deleted")
      try await probe.requireGone(older)
      try await probe.requireGone(delayed)
      for id in [otherValue, nested, otherType, urgent, newest, younger] { _ = try await probe.live(id) }
      try requireEqual(try await probe.store.deleteDuplicates(filter), 0, "deleted again")
    },
    Check("S17 deleteDuplicates never removes a task that a worker holds") { probe in
      let held = try await probe.enqueue(json: #"{"payment":7}"#).id
      let task = try await probe.claimOnly(held)
      let waiting = try await probe.enqueue(json: #"{"payment":7}"#).id
      let newest = try await probe.enqueue(json: #"{"payment":7}"#).id
      let filter = DuplicateFilter(olderThan: newest, type: StoreProbe.type, property: "payment", value: "7")
      try requireEqual(try await probe.store.deleteDuplicates(filter), 1, "deleted")
      try await probe.requireGone(waiting)
      try requireEqual(try await probe.live(held).state, .running, "state of the held task")
      try await probe.settleHeld(task, .complete)
    },
    Check("S17 deleteDuplicates compares values as text, and quotes the property's name") { probe in
      let cases = [
        (#"{"it's":"x' OR ''='"}"#, "it's", "x' OR ''='"), (#"{"p":true}"#, "p", "true"), (#"{"p":-12}"#, "p", "-12"),
        (#"{"p":"ü ☃"}"#, "p", "ü ☃"), (#"{"p":1.5}"#, "p", "1.5"), (#"{"p":""}"#, "p", ""),
      ]
      for (json, property, value) in cases {
        let old = try await probe.enqueue(json: json).id
        let wrong = try await probe.enqueue(json: "{\"p\":null}").id
        let new = try await probe.enqueue(json: json).id
        let filter = DuplicateFilter(olderThan: new, type: StoreProbe.type, property: property, value: value)
        try requireEqual(try await probe.store.deleteDuplicates(filter), 1, "deleted for \(json)")
        try await probe.requireGone(old)
        for id in [wrong, new] { _ = try await probe.store.cancel(id) }
      }
    },
    Check("S17 deleteDuplicates frees the unique keys of what it removes") { probe in
      try await probe.enqueue(json: #"{"p":1}"#) { $0.unique = UniqueKey("k") }
      let newest = try await probe.enqueue(json: #"{"p":1}"#).id
      let filter = DuplicateFilter(olderThan: newest, type: StoreProbe.type, property: "p", value: "1")
      try requireEqual(try await probe.store.deleteDuplicates(filter), 1, "deleted")
      try require(try await probe.enqueue { $0.unique = UniqueKey("k") }.isNew, "the key is still taken")
    },
    Check("S43 deleteDuplicates keeps a task with a call whose outcome nobody knows") { probe in
      guard let ledger = probe.store as? any EffectLedger else { return }
      let old = try await probe.enqueue(json: #"{"p":1}"#).id
      let task = try await probe.claimOnly(old)
      let intent = EffectIntent(
        claim: task.claim,
        name: "charge",
        requestDigest: Data(repeating: 7, count: 32),
        callLimit: .seconds(5),
        keyLifetime: nil
      )
      guard case .call(let call) = try await ledger.beginEffect(intent) else { throw ConformanceFailure("not begun") }
      try await probe.settleHeld(task, .reschedule(after: .seconds(5), returnsAttempt: false))
      let newest = try await probe.enqueue(json: #"{"p":1}"#).id
      let filter = DuplicateFilter(olderThan: newest, type: StoreProbe.type, property: "p", value: "1")
      try requireEqual(try await probe.store.deleteDuplicates(filter), 0, "deleted")
      _ = try await probe.live(old)
      _ = try await ledger.endEffect(call, .succeeded(Data("1".utf8)))
      try requireEqual(try await probe.store.deleteDuplicates(filter), 1, "deleted when it is known")
    },
  ]
}
