/// How much the plans of a run hold.
package struct SimulationSize: Sendable {
  var tasks: ClosedRange<Int>
  var workers: ClosedRange<Int>
  var faults: ClosedRange<Int>
  /// How long tasks come and faults begin.
  var seconds: ClosedRange<Int>

  /// For the tests of each build.
  package static let small = SimulationSize(tasks: 2...12, workers: 1...2, faults: 0...4, seconds: 2...10)
  package static let large = SimulationSize(tasks: 5...60, workers: 1...3, faults: 0...6, seconds: 8...40)
}
