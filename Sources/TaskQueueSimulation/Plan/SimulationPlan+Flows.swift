import SeededRandom
@_spi(Store) import TaskQueue

extension SimulationPlan {
  /// Restarts and ended leases take their time: flows that crash at each await are for short leases.
  private static var longestLease: Duration { .milliseconds(3_000) }

  /// Flows besides the other tasks, behind them, so that those keep their places.
  mutating func addFlows(_ count: ClosedRange<Int>, lease: Duration, using generator: inout SeededGenerator) {
    let latest = max(1_000, Int(activeFor / .milliseconds(1)) * 6 / 10)
    let crashes = lease <= Self.longestLease && .random(using: &generator)
    for number in 0..<Int.random(in: count, using: &generator) {
      let storedAt = Int.random(in: 0...latest, using: &generator)
      var flow = FlowPlan(calls: [])
      flow.isDiscarded = Int.random(in: 0..<3, using: &generator) == 0
      flow.crashes = crashes && number == 0
      for index in 0..<Int.random(in: 2...6, using: &generator) {
        flow.calls.append(call("\(number)/\(index)", after: storedAt, using: &generator))
      }
      var task = TaskPlan(
        type: Self.types[0],
        queue: Self.queues[0],
        priority: 100,
        storedAt: .milliseconds(storedAt),
        commitsAfter: .zero,
        delay: .zero,
        behaviours: [.quick]
      )
      // A limit of one kind only: what waits in strict order would hold up what its event comes from.
      if Int.random(in: 0..<3, using: &generator) == 0 { task.limit = TaskLimit("pair", key: "flows") }
      task.flow = flow
      tasks.append(task)
    }
  }

  private mutating func call(
    _ name: String,
    after storedAt: Int,
    using generator: inout SeededGenerator
  ) -> FlowPlan.Call {
    switch Int.random(in: 0..<8, using: &generator) {
    case 0, 1: return .sleep(.milliseconds(Int.random(in: 0...3_000, using: &generator)))
    case 2, 3:
      let key = "event/\(name)"
      events.append(EventPlan(key: key, at: .milliseconds(storedAt + Int.random(in: 0...6_000, using: &generator))))
      let isPatient = Bool.random(using: &generator)
      return .event(key, timeout: isPatient ? nil : .milliseconds(Int.random(in: 0...3_000, using: &generator)))
    case 4: return .compensation
    default: return .step(.milliseconds(Int.random(in: 0...300, using: &generator)))
    }
  }
}
