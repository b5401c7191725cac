import Foundation
import SeededRandom
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("The demo's display, and what the command line reads")
struct DisplayTests {
  private func payment(_ id: PaymentID, _ status: PaymentStatus = .created, attempts: Int = 0) -> Payment {
    Payment(
      id: id,
      userId: "u",
      orderId: nil,
      amount: 1205,
      currency: "EUR",
      description: "",
      status: status,
      providerId: nil,
      failure: nil,
      attempts: attempts,
      createdAt: Date(timeIntervalSince1970: 0),
      updatedAt: Date(timeIntervalSince1970: 0)
    )
  }

  private func board(_ payments: [Payment], executions: [PaymentID: Int]) -> DemoBoard {
    var board = DemoBoard()
    for payment in payments { board.add(self.payment(payment.id)) }
    _ = board.update(
      payments: payments,
      executions: { PaymentID($0).flatMap { executions[$0] } ?? 0 },
      worker: { $0 == 1 ? "A" : nil }
    )
    return board
  }

  @Test("Only a status or an execution is worth a line when piped")
  func changes() {
    var board = DemoBoard()
    board.add(payment(1))
    board.add(payment(2))
    let first = board.update(
      payments: [payment(1, .initial, attempts: 1), payment(2, attempts: 1)],
      executions: { _ in 0 },
      worker: { _ in nil }
    )
    #expect(first.map(DemoBoard.change) == ["payment 00000001: INIT, attempts 1, executed 0"])
    let second = board.update(
      payments: [payment(1, .initial, attempts: 2)],
      executions: { _ in 0 },
      worker: { _ in "B" }
    )
    #expect(second.isEmpty)
    #expect(board.progress.allSatisfy { $0.hasSuffix("◂ worker B") })
  }

  @Test("The table is aligned and marks what is wrong")
  func table() {
    let board = self.board(
      [payment(1, .done, attempts: 3), payment(22, .done)],
      executions: [1: 1, 22: 2]
    )
    #expect(
      board.table == [
        "  payment                               amount     status  attempts  executions at the provider",
        "  ────────────────────────────────────  ─────────  ──────  ────────  ──────────────────────────",
        "  00000000-0000-7000-8000-000000000001  12.05 EUR  DONE    3         1",
        "  00000000-0000-7000-8000-000000000022  12.05 EUR  DONE    0         2  ← wrong",
      ]
    )
  }

  @Test("A payment that isn't final, or wasn't executed exactly once, is wrong")
  func verdict() {
    let payments = [
      payment(1, .done), payment(2, .processing), payment(3, .done), payment(4, .cancelled),
      payment(5, .cancelled),
    ]
    let board = self.board(payments, executions: [1: 1, 2: 1, 5: 1])
    #expect(board.wrong.map(\.paymentId) == [2, 3, 5])
    #expect(!board.isFinal)
  }

  @Test(
    "Durations are read as people write them",
    arguments: [
      ("500ms", Duration.milliseconds(500)), ("5s", .seconds(5)), ("1m", .seconds(60)), ("1.5s", .milliseconds(1500)),
      ("2h", .seconds(7200)),
    ]
  )
  func durations(text: String, duration: Duration) throws {
    #expect(try DurationText.parse(text) == duration)
    #expect(try DurationText.parse(DurationText.format(duration)) == duration)
  }

  @Test("What isn't a duration is refused", arguments: ["", "5", "s", "-1s", "infs", "nanms", "1d", "1e300h"])
  func badDurations(text: String) {
    #expect(throws: (any Error).self) { try DurationText.parse(text) }
  }

  @Test("A worker process's lines are read back as they were written")
  func workerEvents() {
    for event in [WorkerEvent.listening(80), .began(1), .ended(2)] {
      #expect(WorkerEvent(line: event.line) == event)
    }
    #expect(WorkerEvent(line: "something else") == nil)
  }

  @Test("A seed gives the same fates again, at the given rates")
  func fates() {
    let faults = ProviderFaults(errorBeforeWork: 0.25, lostResponse: 0.25)
    func draw(_ seed: UInt64) -> [RequestFate] {
      var generator = SeededGenerator(seed: seed)
      return (0..<4000).map { _ in RequestFate.draw(faults, using: &generator) }
    }
    let fates = draw(1)
    #expect(fates == draw(1))
    #expect(fates != draw(2))
    #expect((800...1200).contains(fates.count { $0 == .errorBeforeWork }))
    #expect((800...1200).contains(fates.count { $0 == .lostResponse }))
    #expect(!fates.contains(.stalled))
  }
}
