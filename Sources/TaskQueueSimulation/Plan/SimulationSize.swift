/// How much the plans of a run hold.
package struct SimulationSize: Sendable {
  var tasks: ClosedRange<Int>
  var workers: ClosedRange<Int>
  var faults: ClosedRange<Int>
  /// How long tasks come and faults begin.
  var seconds: ClosedRange<Int>
  /// Of a plan that has any.
  var flows: ClosedRange<Int> = 1...3
  /// Which of so many plans has flows: one.
  var plansPerFlows = 4

  /// For the tests of each build.
  package static let small = SimulationSize(tasks: 2...12, workers: 1...2, faults: 0...4, seconds: 2...10)
  package static let large = SimulationSize(tasks: 5...60, workers: 1...3, faults: 0...6, seconds: 8...40)
  /// Many flows, and hardly anything else.
  package static let flows = SimulationSize(
    tasks: 1...4,
    workers: 1...3,
    faults: 0...6,
    seconds: 8...40,
    flows: 10...40,
    plansPerFlows: 1
  )
}
