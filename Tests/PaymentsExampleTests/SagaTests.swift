import SeededRandom
import Testing

@testable import PaymentsExample

@Suite("What a saga does next")
struct SagaTests {
  /// Services, a provider and a worker that may die between any two steps.
  private struct World {
    var saga: Saga
    var verdicts: [StepName: StepAnswer.Verdict]
    /// What the services hold, and what was done, in order.
    var held: Set<StepName> = []
    var done: [String] = []
    var hasBegun = false

    init(_ generator: inout SeededGenerator) {
      let names = StepName.allCases.filter { _ in Int.random(in: 0..<4, using: &generator) > 0 }
      saga = Saga(status: .created, steps: names.map { SagaStep(name: $0, state: .pending) })
      verdicts = [:]
      for name in names {
        verdicts[name] = Int.random(in: 0..<4, using: &generator) == 0 ? .rejected : .passed
      }
    }

    private mutating func set(_ name: StepName, _ state: SagaStep.State) {
      guard let index = saga.steps.firstIndex(where: { $0.name == name }) else { return }
      saga.steps[index].state = state
    }

    /// - Returns: whether the saga waits for somebody else.
    mutating func act(_ generator: inout SeededGenerator) -> Bool {
      switch saga.next {
      case .perform(let name):
        set(name, .started)
        if verdicts[name] == .passed { held.insert(name) }
        // Dies before it records the answer.
        if Int.random(in: 0..<3, using: &generator) == 0 { return false }
        done.append(name.rawValue)
        set(name, verdicts[name] == .passed ? .passed : .rejected)
        if verdicts[name] == .rejected, name.isBefore, !saga.status.isFinal { saga.status = .failed }
      case .undo(let name):
        held.remove(name)
        if Int.random(in: 0..<3, using: &generator) == 0 { return false }
        done.append("\(name.rawValue).undo")
        set(name, .undone)
      case .refund(let name):
        guard let index = saga.steps.firstIndex(where: { $0.name == name }) else { return true }
        saga.steps[index].refundId = 1
        saga.refundStatus = Refund.created
        done.append("refund")
      case .begin:
        hasBegun = true
        return true
      case .wait, .rest, .park: return true
      }
      return false
    }

    /// Somebody cancels, the provider goes on, or the refund ends.
    mutating func othersAct(_ generator: inout SeededGenerator) {
      if saga.refundStatus == Refund.created {
        saga.refundStatus = Refund.done
      } else if saga.status == .created, Int.random(in: 0..<8, using: &generator) == 0 {
        saga.status = .cancelled
      } else if hasBegun, !saga.status.isFinal {
        saga.status =
          [.initial, .processing, .done, .done, .cancelled, .failed].randomElement(using: &generator) ?? .done
      }
    }
  }

  @Test(
    "Goes forwards in order and backwards in reverse, and leaves nothing behind",
    arguments: 1...300 as ClosedRange<UInt64>
  )
  func properties(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var world = World(&generator)
    for _ in 1...200 {
      let rests = world.act(&generator)
      if world.hasBegun {
        let before = world.saga.steps.filter(\.name.isBefore)
        #expect(!before.contains { $0.state == .pending || $0.state == .started || $0.state == .rejected })
      }
      if rests || Int.random(in: 0..<6, using: &generator) == 0 { world.othersAct(&generator) }
    }
    let names = StepName.allCases.map(\.rawValue)
    let forwards = world.done.compactMap { names.firstIndex(of: $0) }
    #expect(forwards == forwards.sorted() && Set(forwards).count == forwards.count, "each step once, in order")
    let undone = world.done.compactMap { name in names.firstIndex { "\($0).undo" == name } }
    #expect(undone == undone.sorted(by: >) && Set(undone).count == undone.count, "each undone once, in reverse")
    #expect(world.saga.status.isFinal)
    let isDeliveryRejected = world.saga.steps.contains { $0.name == .delivery && $0.state == .rejected }
    if world.saga.status != .done || isDeliveryRejected {
      #expect(world.held.filter(\.canBeUndone).isEmpty, "nothing is held for a payment that came to nothing")
    } else {
      #expect(undone.isEmpty && !world.done.contains("refund"))
    }
    if isDeliveryRejected {
      let refund = world.done.firstIndex(of: "refund")
      let firstUndo = world.done.firstIndex { $0.hasSuffix(".undo") }
      #expect(refund != nil && (firstUndo ?? .max) > (refund ?? 0), "money goes back first")
    }
  }

  @Test("A refund that failed is for a person, and what is held stays held")
  func failedRefund() {
    let saga = Saga(
      status: .done,
      steps: [.init(name: .account, state: .passed), .init(name: .delivery, state: .rejected, refundId: 1)],
      refundStatus: Refund.failed
    )
    guard case .park = saga.next else {
      Issue.record("It goes on: \(saga.next)")
      return
    }
  }
}
