@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension TransactionConformance {
  static var enqueueing: [Check] {
    [
      Check("S11 a task enqueued in a transaction is seen when that commits, and not before") { probe in
        let id = try await probe.store.withTransaction { transaction in
          let results = try await probe.store.enqueue([probe.tasks.newTask(json: #"{"n":1}"#)], in: transaction)
          try requireEqual(results.map(\.isNew), [true], "isNew")
          try await probe.tasks.requireNothingToClaim("its transaction is open")
          try await probe.elsewhere {
            try require(try await probe.store.task(results[0].id) == nil, "an uncommitted task is seen")
            try requireEqual(try await probe.store.counts(), [], "counts")
          }
          return results[0].id
        }
        let task = try await probe.tasks.claimOnly(id)
        try requireEqual(String(decoding: task.payload, as: UTF8.self), #"{"n":1}"#, "payload")
        try requireEqual(task.attempt, 1, "attempt")
      },
      Check("S11 a rollback leaves nothing, and its ids are not given out again") { probe in
        let ids = Recorder<TaskID>()
        try await probe.rollingBack { transaction in
          let tasks = try [probe.tasks.newTask(), probe.tasks.newTask { $0.unique = UniqueKey("k") }]
          ids.add(try await probe.store.enqueue(tasks, in: transaction).map(\.id))
        }
        try await probe.tasks.requireNothingToClaim("it was rolled back")
        for id in ids.all { try await probe.tasks.requireGone(id) }
        let result = try await probe.tasks.enqueue { $0.unique = UniqueKey("k") }
        try require(result.isNew, "a rolled back task keeps its unique key")
        try require(!ids.all.contains(result.id), "an id was given out twice")
      },
      Check("S11 a task committed late, with an old id, is claimed at the next look") { probe in
        let late = try await probe.store.withTransaction { transaction in
          let late = try await probe.store.enqueue([probe.tasks.newTask()], in: transaction)[0]
          let early = try await probe.elsewhere { try await probe.tasks.enqueue() }
          try require(late.id < early.id, "ids do not grow in the order of the calls")
          try await probe.tasks.claimOnly(early.id)
          return late
        }
        try await probe.tasks.claimOnly(late.id)
      },
      Check("S16 a unique key counts within one transaction too") { probe in
        let ids = try await probe.store.withTransaction { transaction in
          var ids: [TaskID] = []
          for mode in [UniqueKey.Mode.keepExisting, .replace, .coalesce] {
            let task = try probe.tasks.newTask(json: #"{"m":"\#(mode.rawValue)"}"#) {
              $0.unique = UniqueKey("k", mode: mode)
            }
            let result = try await probe.store.enqueue([task], in: transaction)[0]
            try requireEqual(result.isNew, ids.isEmpty, "isNew of \(mode.rawValue)")
            ids.append(result.id)
          }
          return ids
        }
        try requireEqual(Set(ids).count, 1, "different ids")
        let task = try await probe.tasks.claimOnly(ids[0])
        try requireEqual(String(decoding: task.payload, as: UTF8.self), #"{"m":"replace"}"#, "payload")
      },
      Check("S16 a task replaced or pulled forward in a transaction that rolls back is as it was") { probe in
        let id = try await probe.tasks.enqueue(json: #"{"v":1}"#) {
          $0.unique = UniqueKey("k")
          $0.schedule = .after(.seconds(100))
        }.id
        for mode in [UniqueKey.Mode.replace, .coalesce] {
          try await probe.rollingBack { transaction in
            let task = try probe.tasks.newTask(json: #"{"v":2}"#) { $0.unique = UniqueKey("k", mode: mode) }
            let result = try await probe.store.enqueue([task], in: transaction)[0]
            try requireEqual(result, .init(id: id, isNew: false), "result")
            try await probe.tasks.requireNothingToClaim("the change is not committed")
          }
          try await probe.tasks.requireNothingToClaim("the change was rolled back")
          try requireEqual(
            String(decoding: try await probe.tasks.live(id).payload, as: UTF8.self),
            #"{"v":1}"#,
            "payload"
          )
        }
        try await probe.advance(by: .seconds(110))
        try await probe.tasks.claimOnly(id)
      },
      Check("S16 a held task marked in a transaction runs once more after its commit") { probe in
        let task = try await probe.start { $0.unique = UniqueKey("k") }
        try await probe.store.withTransaction { transaction in
          let again = try probe.tasks.newTask { $0.unique = UniqueKey("k", mode: .coalesce) }
          _ = try await probe.store.enqueue([again], in: transaction)
        }
        try requireEqual(try await probe.store.renew([task.claim], lease: .seconds(60)), [.renewed], "renewal")
        try await probe.tasks.settleHeld(task, .complete)
        try await probe.tasks.settleHeld(try await probe.tasks.claimOnly(task.claim.id), .complete)
        try await probe.tasks.requireGone(task.claim.id)
      },
      Check("S17 deleteDuplicates in a transaction counts what it deletes, and is undone by a rollback") { probe in
        let old = try await probe.tasks.enqueue(json: #"{"p":7}"#).id
        let new = try await probe.tasks.enqueue(json: #"{"p":7}"#).id
        let filter = DuplicateFilter(olderThan: new, type: StoreProbe.type, property: "p", value: "7")
        try await probe.rollingBack { transaction in
          try requireEqual(try await probe.store.deleteDuplicates(filter, in: transaction), 1, "deleted")
          try requireEqual(try await probe.store.deleteDuplicates(filter, in: transaction), 0, "deleted again")
          _ = try await probe.elsewhere { try await probe.tasks.live(old) }
        }
        _ = try await probe.tasks.live(old)
        try await probe.store.withTransaction { transaction in
          try requireEqual(try await probe.store.deleteDuplicates(filter, in: transaction), 1, "deleted")
        }
        try await probe.tasks.requireGone(old)
        try await probe.tasks.claimOnly(new)
      },
    ]
  }

  static var settling: [Check] {
    [
      Check("S1 a completion and follow-up tasks commit together or not at all") { probe in
        let task = try await probe.start()
        let context = probe.context(task)
        try await probe.rollingBack { transaction in
          try await probe.client.complete(context, in: transaction)
          _ = try await probe.store.enqueue([probe.tasks.newTask()], in: transaction)
        }
        try requireEqual(try await probe.tasks.live(task.claim.id).state, .running, "state after the rollback")
        let next = try await probe.client.withCompletion(of: context) { transaction in
          let state = try await probe.elsewhere { try await probe.tasks.live(task.claim.id).state }
          try requireEqual(state, .running, "state before the commit")
          return try await probe.store.enqueue([probe.tasks.newTask()], in: transaction)[0].id
        }
        try await probe.tasks.requireGone(task.claim.id)
        try await probe.tasks.claimOnly(next)
      },
      Check("S6 every outcome can be recorded in a transaction") { probe in
        for (name, action) in StoreConformance.everyAction {
          let task = try await probe.start()
          try await probe.rollingBack { transaction in try await probe.settle(task, action, in: transaction) }
          try requireEqual(try await probe.tasks.live(task.claim.id).state, .running, "state after a rollback")
          try await probe.store.withTransaction { transaction in
            try await probe.settle(task, action, in: transaction)
          }
          try require(!(try await probe.tasks.settle(task.claim, .complete)), "the claim holds after \(name)")
          let letter = try await probe.tasks.letter(task.claim.id)
          switch action {
          case .complete, .conclude: try await probe.tasks.requireGone(task.claim.id)
          case .bury(let reason, let detail, _):
            try requireEqual(letter?.reason, reason, "reason")
            try requireEqual(letter?.detail, detail, "detail")
          case .fail:
            try requireEqual(try await probe.tasks.live(task.claim.id).failures, 1, "failures")
            _ = try await probe.store.cancel(task.claim.id)
          case .suspend:
            try requireEqual(try await probe.tasks.live(task.claim.id).attempt, 0, "attempt")
            _ = try await probe.store.cancel(task.claim.id)
          case .reschedule(_, let returnsAttempt):
            try requireEqual(try await probe.tasks.live(task.claim.id).attempt, returnsAttempt ? 0 : 1, "attempt")
            _ = try await probe.store.cancel(task.claim.id)
          case .release:
            try requireEqual(try await probe.tasks.live(task.claim.id).state, .due, "state")
            _ = try await probe.store.cancel(task.claim.id)
          }
        }
      },
      Check("S4 a stale claim does not settle, and nothing of its transaction stays") { probe in
        let stale = try await probe.start()
        try await probe.advance(by: .seconds(70))
        let fresh = try await probe.tasks.claimOnly(stale.claim.id)
        let code = try await StoreProbe.errorCode {
          try await probe.store.withTransaction { transaction in
            _ = try await probe.store.enqueue([probe.tasks.newTask()], in: transaction)
            try await probe.settle(stale, .complete, in: transaction)
          }
        }
        try requireEqual(code, .leaseLost, "error")
        try await probe.tasks.requireNothingToClaim("the transaction was rolled back")
        try await probe.tasks.settleHeld(fresh, .complete)
      },
      Check("S4 withCompletion writes nothing for a stale claim, whatever its body does about errors") { probe in
        let stale = try await probe.start()
        try await probe.tasks.settleHeld(stale, .complete)
        let bodies: [@Sendable (Store.Transaction) async throws -> Void] = [
          { _ in }, { _ = try await probe.store.enqueue([probe.tasks.newTask()], in: $0) },
          { _ = try? await probe.store.enqueue([probe.tasks.newTask()], in: $0) },
        ]
        for body in bodies {
          let code = try await StoreProbe.errorCode {
            try await probe.client.withCompletion(of: probe.context(stale), body)
          }
          try requireEqual(code, .leaseLost, "error")
        }
        try await probe.tasks.requireNothingToClaim("the transactions were rolled back")
      },
      Check("S4 a claim settles once, also within one transaction") { probe in
        let task = try await probe.start()
        let code = try await StoreProbe.errorCode {
          try await probe.store.withTransaction { transaction in
            try await probe.settle(task, .complete, in: transaction)
            try await probe.settle(task, .complete, in: transaction)
          }
        }
        try requireEqual(code, .leaseLost, "error of the second time")
        try await probe.tasks.settleHeld(task, .complete)
      },
      Check("S2 a task whose completion waits for its commit is not taken over, and its lease counts as held") {
        probe in
        let task = try await probe.start()
        try await probe.advance(by: .seconds(70))
        try await probe.client.withTransaction { transaction in
          try await probe.client.complete(probe.context(task), in: transaction)
          try await probe.tasks.requireNothingToClaim("its completion is being committed")
          try requireEqual(try await probe.store.renew([task.claim], lease: .seconds(60)), [.busy], "renewal")
        }
        try await probe.tasks.requireGone(task.claim.id)
      },
      Check(
        "S33 a settlement never waits for a row that an open transaction has changed, and others beside it are applied"
      ) {
        probe in
        for rollsBack in [false, true] {
          let unique = UniqueKey("busy \(rollsBack)", mode: .coalesce)
          let stuck = try await probe.start { $0.unique = unique }
          let held = try await probe.start()
          let failed = try await probe.start()
          let settlements = [
            Settlement(stuck.claim, .complete), Settlement(held.claim, .complete),
            Settlement(failed.claim, .fail(StoreProbe.failure(), retryAfter: .seconds(5))),
            Settlement(Claim(id: stuck.claim.id, token: stuck.claim.token ^ 1), .complete),
          ]
          let offer = { () async throws -> [SettlementResult] in
            try await probe.elsewhere { try await probe.store.exchange(settle: settlements, claim: nil).settled }
          }
          let change = { (transaction: Store.Transaction) async throws in
            let again = try probe.tasks.newTask { $0.unique = unique }
            _ = try await probe.store.enqueue([again], in: transaction)
            try requireEqual(try await offer(), [.busy, .applied, .applied, .lost], "settled beside a locked row")
            try requireEqual(try await offer(), [.busy, .lost, .lost, .lost], "settled once more")
          }
          if rollsBack { try await probe.rollingBack(change) } else { try await probe.store.withTransaction(change) }
          try requireEqual(try await offer(), [.applied, .lost, .lost, .lost], "settled after the transaction")
          // The mark that the transaction set while the outcome was offered is seen.
          if rollsBack {
            try await probe.tasks.requireGone(stuck.claim.id)
          } else {
            try await probe.tasks.settleHeld(try await probe.tasks.claimOnly(stuck.claim.id), .complete)
          }
          _ = try await probe.store.cancel(failed.claim.id)
        }
      },
      Check("S33 every outcome of a task that an open transaction has marked is busy, and seen with the mark later") {
        probe in
        for (name, action) in StoreConformance.everyAction {
          let unique = UniqueKey("k \(name)", mode: .coalesce)
          let task = try await probe.start { $0.unique = unique }
          try await probe.store.withTransaction { transaction in
            let again = try probe.tasks.newTask { $0.unique = unique }
            _ = try await probe.store.enqueue([again], in: transaction)
            let settled = try await probe.elsewhere {
              try await probe.store.exchange(settle: [Settlement(task.claim, action)], claim: nil).settled
            }
            try requireEqual(settled, [.busy], "settled by \(name)")
          }
          try await probe.tasks.settleHeld(task, action)
          let rerun = try await probe.tasks.claimOnly(task.claim.id)
          try requireEqual(rerun.attempt, 1, "attempt after \(name)")
          try await probe.tasks.settleHeld(rerun, .complete)
        }
      },
      Check("S2 a task passed over in an open transaction is claimed after its rollback") { probe in
        let task = try await probe.start()
        try await probe.advance(by: .seconds(70))
        try await probe.rollingBack { transaction in
          try await probe.settle(task, .complete, in: transaction)
          try await probe.tasks.requireNothingToClaim("its completion may be committed")
        }
        try requireEqual(try await probe.tasks.claimOnly(task.claim.id).crashes, 1, "crashes")
      },
      Check("S16 the key of a task completed in a transaction is free after the commit") { probe in
        let task = try await probe.start { $0.unique = UniqueKey("k") }
        let again = try await probe.store.withTransaction { transaction in
          try await probe.settle(task, .complete, in: transaction)
          return try await probe.store.enqueue([probe.tasks.newTask { $0.unique = UniqueKey("k") }], in: transaction)[0]
        }
        try require(again.isNew && again.id != task.claim.id, "the transaction does not see its own completion")
        try await probe.tasks.claimOnly(again.id)
      },
    ]
  }

  static var effects: [Check] {
    [
      Check("S31 an effect inside the transaction that completes its task is refused at once, and nothing is sent") {
        probe in
        guard probe.store is any EffectLedger else { return }
        let task = try await probe.start()
        let context = probe.context(task)
        let code = try await StoreProbe.errorCode {
          try await probe.client.withCompletion(of: context) { _ in
            _ = try await context.effects.perform("charge", request: 1) { _ -> Int in
              throw ConformanceFailure("the call was made")
            }
          }
        }
        try requireEqual(code, .storeFailed, "error")
        try requireEqual(try await probe.tasks.live(task.claim.id).state, .running, "state after the rollback")
        let value = try await context.effects.perform("charge", request: 1) { _ in 7 }
        try requireEqual(value, 7, "value after the transaction")
        try await probe.tasks.settleHeld(task, .complete)
      },
      Check("S1 an effect's success and the completion commit together or not at all") { probe in
        guard let ledger = probe.store as? any EffectLedger else { return }
        let task = try await probe.start()
        let context = probe.context(task)
        let receipt = try await context.effects.call("charge", request: 1) { _ in 7 }
        try requireEqual(receipt.value, 7, "value")
        try await probe.rollingBack { transaction in
          try await probe.client.complete(context, in: transaction)
          try await probe.client.record(receipt, in: transaction)
          let states = try await probe.elsewhere { try await ledger.effects(of: task.claim.id).map(\.state) }
          try requireEqual(states, [.intended], "uncommitted state")
        }
        try requireEqual(try await ledger.effects(of: task.claim.id).map(\.state), [.intended], "rolled back state")
        try await probe.client.withCompletion(of: context) { transaction in
          try await probe.client.record(receipt, in: transaction)
        }
        let records = try await ledger.effects(of: task.claim.id)
        try requireEqual(records.map(\.state), [.succeeded], "committed state")
        try requireEqual(records.map(\.value), [Data("7".utf8)], "recorded value")
        try await probe.tasks.requireGone(task.claim.id)
      },
      Check("S29 an intent stored in a transaction is there if that commits, and its call needs no other one") {
        probe in
        guard let ledger = probe.store as? any EffectLedger else { return }
        let task = try await probe.start()
        let context = probe.context(task)
        try await probe.rollingBack { transaction in
          let prepared = try await context.effects.prepare("charge", request: 1, in: transaction, of: probe.store)
          try require(!prepared.isSettled, "nothing is recorded")
          let seen = try await probe.elsewhere { try await ledger.effects(of: task.claim.id).count }
          try requireEqual(seen, 0, "uncommitted intents that others see")
        }
        try requireEqual(try await ledger.effects(of: task.claim.id).count, 0, "rolled back intents")
        let prepared = try await probe.client.withTransaction { transaction in
          try await context.effects.prepare("charge", request: 1, in: transaction, of: probe.store)
        }
        let intended = try await ledger.effects(of: task.claim.id)
        try requireEqual(intended.map(\.state), [.intended], "committed state")
        let receipt = try await context.effects.call(prepared) { call in call.key.rawValue }
        try requireEqual(receipt.value, intended[0].key.rawValue, "key of the call")
        try await probe.client.withCompletion(of: context) { transaction in
          try await probe.client.record(receipt, in: transaction)
        }
        try requireEqual(try await ledger.effects(of: task.claim.id).map(\.state), [.succeeded], "recorded state")
      },
      Check("S29 what the books say of a call is recorded without making it, unless it may still be on its way") {
        probe in
        guard let ledger = probe.store as? any EffectLedger else { return }
        let task = try await probe.start()
        let context = probe.context(task)
        let inquiries: [(EffectName, EffectInquiry<Int>, EffectState)] = [
          ("happened", .happened(7), .succeeded), ("failed", .failed(.permanent("no")), .failed),
          // Its call limit is over by then.
          ("absent", .didNotHappen, .open), ("unclear", .stillUnknown, .unknown),
        ]
        for (name, _, _) in inquiries {
          _ = try await probe.client.withTransaction { transaction in
            try await context.effects.prepare(name, request: 1, in: transaction, of: probe.store)
          }
        }
        let next = try await probe.tasks.takeOver(task)
        for (name, inquiry, _) in inquiries {
          try await probe.client.withTransaction { transaction in
            let prepared = try await probe.context(next).effects.prepare(
              name,
              request: 1,
              in: transaction,
              of: probe.store
            )
            try require(!prepared.isSettled, "nobody knows yet")
            try await probe.context(next).effects.settle(prepared, as: inquiry, in: transaction, of: probe.store)
          }
        }
        let states = try await ledger.effects(of: task.claim.id).reduce(into: [:]) { $0[$1.name] = $1.state }
        for (name, _, state) in inquiries { try requireEqual(states[name], state, "state of \(name)") }
        try await probe.client.withTransaction { transaction in
          let again = try await probe.context(next).effects.prepare(
            "happened",
            request: 1,
            in: transaction,
            of: probe.store
          )
          try require(again.isSettled, "it is recorded")
        }
      },
      Check("S29 a claim that is over stores no intent, and another request for the same effect is refused") { probe in
        guard probe.store is any EffectLedger else { return }
        let task = try await probe.start()
        let context = probe.context(task)
        _ = try await probe.client.withTransaction { transaction in
          try await context.effects.prepare("charge", request: 1, in: transaction, of: probe.store)
        }
        do {
          _ = try await probe.client.withTransaction { transaction in
            try await context.effects.prepare("charge", request: 2, in: transaction, of: probe.store)
          }
          throw ConformanceFailure("another request was taken")
        } catch let error as EffectError { try requireEqual(error.code, .requestChanged, "error") }
        _ = try await probe.tasks.takeOver(task)
        let code = try await StoreProbe.errorCode {
          _ = try await probe.client.withTransaction { transaction in
            try await context.effects.prepare("charge", request: 1, in: transaction, of: probe.store)
          }
        }
        try requireEqual(code, .leaseLost, "error of the claim that is over")
      },
    ]
  }
}
