/// What a service says about a step.
struct StepAnswer: Codable, Equatable, Sendable {
  enum Verdict: String, Codable, Sendable {
    case passed = "PASSED"
    /// For good.
    case rejected = "REJECTED"
  }

  var verdict: Verdict
  /// For people.
  var reason: String?

  static let passed = Self(verdict: .passed)
}
