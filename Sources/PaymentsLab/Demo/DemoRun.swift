import AsyncHTTPClient
import Foundation
import Libpq
import PaymentsExample
import SeededRandom

/// The part of the demo that people watch, once everything is started.
struct DemoRun {
  /// How often the screen is brought up to date.
  static let frame = Duration.milliseconds(100)
  /// The worker is killed after this time even if it holds nothing.
  static let latestKill = Duration.seconds(6)

  let settings: DemoSettings
  let pool: LibpqPool
  let simulator: ProviderSimulator
  let workers: [WorkerProcess]
  private var board = DemoBoard()
  private var hasKilled = false
  private var interrupted = 0

  init(settings: DemoSettings, pool: LibpqPool, simulator: ProviderSimulator, workers: [WorkerProcess]) {
    self.settings = settings
    self.pool = pool
    self.simulator = simulator
    self.workers = workers
  }

  private var victim: WorkerProcess { workers[0] }
  private var survivor: WorkerProcess { workers[1] }

  /// - Returns: whether every payment is final and was executed exactly once.
  mutating func run(_ client: HTTPClient, _ screen: inout DemoScreen) async throws -> Bool {
    for worker in workers {
      let port = try await worker.port()
      screen.say("Worker \(worker.name) is process \(worker.processId), on http://127.0.0.1:\(port)")
    }
    let url = "http://127.0.0.1:\(try await survivor.port())"
    simulator.callBack(to: "\(url)/paymentProviderCallback")
    try await createPayments(PaymentsClient(client: client, baseURL: url), &screen)
    try await watch(&screen)
    return conclude(&screen)
  }

  private mutating func createPayments(_ client: PaymentsClient, _ screen: inout DemoScreen) async throws {
    var generator = SeededGenerator(seed: settings.seed)
    // An order has one payment, and the database may have seen a demo before.
    let run = UUID().uuidString.prefix(8).lowercased()
    for number in 1...settings.payments {
      let payment = try await client.create(
        NewPayment(
          userId: "user-\(number)",
          orderId: "order-\(run)-\(number)",
          amount: Int64.random(in: 100...99_999, using: &generator),
          currency: "EUR",
          description: "Demo payment \(number)"
        ),
        idempotencyKey: UUID().uuidString
      )
      board.add(payment)
    }
    screen.say("Created \(settings.payments) payments: each a row and a task in one transaction.")
    screen.say()
  }

  private mutating func watch(_ screen: inout DemoScreen) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < settings.limit {
      try await look(&screen)
      if !hasKilled {
        let isMidway = board.started * 3 >= board.lines.count
        let isDue = isMidway && !victim.held.isEmpty
        if isDue || clock.now - start > Self.latestKill || board.isFinal { await kill(&screen) }
      } else if board.isFinal {
        break
      }
      // While the kill is still to come, look often: what the worker holds changes quickly.
      try await clock.sleep(for: hasKilled ? Self.frame : .milliseconds(25))
    }
    try await look(&screen)
  }

  private mutating func kill(_ screen: inout DemoScreen) async {
    hasKilled = true
    let held = await victim.killAndWait()
    interrupted = held.count
    let names = held.map(\.short).sorted().joined(separator: ", ")
    let what = held.isEmpty ? "holding nothing" : "in the middle of payment\(held.count == 1 ? "" : "s") \(names)"
    screen.say("kill -9 \(victim.processId): worker \(victim.name) died \(what).")
    screen.say(
      "Nobody restarts it. Its leases run out after \(DurationText.format(settings.lease)), then B goes on."
    )
    screen.say()
    screen.draw(board.progress)
  }

  /// Reads both books and shows what changed.
  private mutating func look(_ screen: inout DemoScreen) async throws {
    let payments = try await PaymentStore.find(board.lines.map(\.paymentId), in: pool)
    let ledger = simulator.ledger
    let working = workers.filter(\.isRunning).map { ($0.name, $0.held) }
    let before = board
    let changes = board.update(
      payments: payments,
      executions: { ledger.executions(reference: $0) },
      worker: { id in working.first { $0.1.contains(id) }?.0 }
    )
    if screen.isTerminal {
      if board != before { screen.draw(board.progress) }
    } else {
      for line in changes { screen.say(DemoBoard.change(line)) }
    }
  }

  private mutating func conclude(_ screen: inout DemoScreen) -> Bool {
    screen.settle()
    screen.say()
    for line in board.table { screen.say(line) }
    screen.say()
    let wrong = board.wrong
    guard wrong.isEmpty else {
      let names = wrong.map(\.paymentId.short).joined(separator: ", ")
      screen.say("Not as promised: payment \(names) isn't final or was executed not exactly once.")
      return false
    }
    let requests = simulator.ledger.entries.reduce(0) { $0 + $1.executeRequests }
    let executions = simulator.ledger.entries.reduce(0) { $0 + $1.executions }
    screen.say("Every payment is final, and each was executed exactly once: the provider was told to execute")
    screen.say(
      "\(requests) times, and moved money \(executions) times. A worker died holding \(interrupted) tasks; their leases ran"
    )
    screen.say("out, and the other worker went on, asking the provider before it registered anything again.")
    screen.say()
    screen.say("Read on: Sources/PaymentsExample/InitPaymentHandler.swift and CheckPaymentHandler.swift,")
    screen.say("then README.md. Again with other faults: payments demo --seed 7")
    return true
  }
}
