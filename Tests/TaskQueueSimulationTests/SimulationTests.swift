import TaskQueue
import TaskQueueSimulation
import Testing

@Suite("The engine keeps its promises in simulated trouble")
struct SimulationTests {
  @Test("1,000 seeds", arguments: 0..<10)
  func seeds(block: UInt64) {
    for seed in (block * 100 + 1)...(block * 100 + 100) {
      let report = Simulation(seed: seed).run()
      if let violation = report.violation {
        Issue.record("seed \(seed): \(violation.kind.rawValue): \(violation.text); make simulate ARGS=\"--seed \(seed)\"")
      }
    }
  }
}
