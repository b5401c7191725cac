import SeededRandom
import Synchronization
import Testing

@testable import PaymentsExample

extension EventReceiver {
  /// Fails before and after it has kept an event, and stalls, by seed.
  static func hostile(seed: UInt64) -> EventReceiver {
    let generator = Mutex(SeededGenerator(seed: seed))
    return EventReceiver { _ in
      switch generator.withLock({ Int.random(in: 0..<10, using: &$0) }) {
      case 0, 1: .refused
      case 2, 3: .takenThenError
      case 4: .takenThenStall
      default: .taken
      }
    }
  }

  /// All of a payment that is DONE: first arrivals in order, none missing, each repetition under the id of the first.
  func expectAll(of payment: Payment) {
    let firsts = self.firsts(payment)
    #expect(firsts.map(\.type) == ["payment.created", "payment.completed"], "payment \(payment.id)")
    #expect(firsts.map(\.sequence) == ["0000000001", "0000000002"], "payment \(payment.id)")
    #expect(strangers == 0)
  }
}
