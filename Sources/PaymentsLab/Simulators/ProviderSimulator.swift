import Hummingbird
package import Logging
import PaymentsExample
import SeededRandom
import ServiceLifecycle
package import Synchronization

/// A payment provider with faults and its own books, over HTTP on the loopback interface.
///
/// Nothing happens until ``run()``; it ends on graceful shutdown or cancellation. The books live as long as the
/// instance. What happens to a request depends only on the seed, what is to be paid (not its reference, which is random), the
/// operation and how often it was asked for: not on the order in which requests of different payments arrive.
package final class ProviderSimulator: Service {
  /// Payments in PROCESSING at one time; more stay there until they are asked for again.
  static let maxProcessing = 100_000

  package struct State: Sendable {
    var ledger: ProviderLedger
    var callbackURL: String?
    /// What is to be paid, by reference: the same in every run.
    var subjects: [String: String] = [:]
    /// How often each operation on each payment was asked for.
    var requests: [String: Int] = [:]
    var callbacks = CallbackCounts()
    /// How many requests met which fate.
    var fates: [RequestFate: Int] = [:]

    var books: ProviderBooks {
      let fates = Dictionary(uniqueKeysWithValues: self.fates.map { ($0.rawValue, $1) })
      return ProviderBooks(payments: ledger.entries, callbacks: callbacks, fates: fates)
    }
  }

  package let faults: ProviderFaults
  package let seed: UInt64
  package let logger: Logger
  package let state: Mutex<State>
  package let callbacks: CallbackSender
  /// Signs the callbacks.
  package let secret: String
  /// The bearer token that every call needs; nil: none.
  let key: String?
  private let requestedPort: Int
  private let listeningPort = ListeningPort()
  /// What happens by itself after a while; nil: a payment that was told to execute becomes final.
  private let started: AsyncStream<(String, ProviderOccurrence?)>
  let startedContinuation: AsyncStream<(String, ProviderOccurrence?)>.Continuation

  /// - Parameters:
  ///   - port: 0: any free one.
  ///   - callbackURL: nil: no callbacks until ``callBack(to:)``.
  ///   - secret: shared with whoever receives the callbacks.
  ///   - key: the bearer token that every call needs; nil: none.
  package init(
    faults: ProviderFaults,
    seed: UInt64,
    port: Int = 0,
    callbackURL: String? = nil,
    secret: String,
    key: String? = nil,
    callbacks: CallbackSender,
    logger: Logger
  ) {
    self.faults = faults
    self.seed = seed
    requestedPort = port
    self.secret = secret
    self.key = key
    self.callbacks = callbacks
    self.logger = logger
    // No provider gives an id twice, so neither do two runs of this one on the same database.
    let run = String(UInt32.random(in: .min ... .max), radix: 36)
    state = Mutex(State(ledger: ProviderLedger(idPrefix: "pp_\(run)_"), callbackURL: callbackURL))
    (started, startedContinuation) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Self.maxProcessing)
    )
  }

  /// A copy of the books.
  package var ledger: ProviderLedger {
    state.withLock { $0.ledger }
  }

  /// One line of the books. Unlike a copy of all of them it costs the next change nothing.
  func entry(_ id: String) -> ProviderLedgerEntry? {
    state.withLock { $0.ledger.entry(id: id) }
  }

  /// Where callbacks go from now on.
  func callBack(to url: String?) {
    state.withLock { $0.callbackURL = url }
  }

  /// Waits until the server listens. For one caller, once.
  package func port() async throws -> Int {
    try await listeningPort.wait()
  }

  package func run() async throws {
    let server = Application(
      router: router(),
      configuration: .init(address: .hostname("127.0.0.1", port: requestedPort), serverName: "provider"),
      onServerRunning: { [listeningPort] in listeningPort.report($0) },
      logger: logger
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask { await self.settlePayments() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// The payment starts to be processed; it becomes final after the processing time.
  func startProcessing(_ id: String) {
    startedContinuation.yield((id, nil))
  }

  private func settlePayments() async {
    await withDiscardingTaskGroup { group in
      for await (id, occurrence) in started {
        group.addTask {
          guard let occurrence else { return await self.settle(id) }
          do { try await Task.sleep(for: self.faults.occurrenceDelay) } catch { return }
          await self.occur(occurrence, to: id)
        }
      }
    }
  }

  private func settle(_ id: String) async {
    guard let entry = self.entry(id) else { return }
    let plan = CallbackPlan.draw(faults, using: generator(for: "callback|\(subject(entry.reference))"))
    await withDiscardingTaskGroup { group in
      var final: ProviderLedgerEntry? = entry
      if !entry.status.isFinal {
        if !plan.isReordered { group.addTask { await self.send(id, .processing, plan) } }
        do { try await Task.sleep(for: faults.processingTime) } catch { return }
        final = state.withLock { $0.ledger.finish(id: id) }
      }
      guard let final else { return }
      let subject = subject(final.reference)
      schedule(.returned, faults.returned, subject, id)
      schedule(.disputed(amount: final.amount), faults.disputed, subject, id)
      schedule(.refunded(amount: max(1, final.amount / 4)), faults.ownRefund, subject, id)
      group.addTask {
        await self.send(id, final.status, plan)
        if plan.isReordered { await self.send(id, .processing, plan) }
      }
    }
  }

  /// What a reference stands for; the reference itself if nobody ever asked for its payment.
  func subject(_ reference: String) -> String {
    state.withLock { $0.subjects[reference] ?? reference }
  }

  /// The same random numbers for the same seed and text.
  func generator(for text: String) -> SeededGenerator {
    // FNV-1a, 64 bits: Swift's own hash is seeded anew in every process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return SeededGenerator(seed: hash ^ (seed &* 0x9E37_79B9_7F4A_7C15))
  }
}
