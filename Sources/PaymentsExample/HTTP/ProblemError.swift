/// Ends a request with a problem.
struct ProblemError: Error {
  var kind: ProblemKind
  var problem: Problem
  /// The methods a path has, for 405.
  var allow: String?

  init(_ kind: ProblemKind, _ detail: String? = nil, errors: [Problem.Field]? = nil, allow: String? = nil) {
    self.kind = kind
    self.problem = Problem(kind, detail, errors: errors)
    self.allow = allow
  }
}
