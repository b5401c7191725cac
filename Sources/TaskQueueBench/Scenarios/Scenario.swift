/// One thing that the suite measures, in rounds.
protocol Scenario: Sendable {
  /// For `--only` and for the progress line.
  var name: String { get }

  /// How many rounds of the requested number are worth their time.
  func rounds(of requested: Int) -> Int

  /// Measures everything once, the references too.
  func round(_ database: BenchmarkDatabase) async throws -> [Reading]
}

extension Scenario {
  func rounds(of requested: Int) -> Int { requested }
}
