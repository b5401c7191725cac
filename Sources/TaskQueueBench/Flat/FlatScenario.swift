/// Something that brings other queues down, and what it does to this one.
protocol FlatScenario: Sendable {
  var name: String { get }

  func run(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> FlatOutcome
}
