import HTTPTypes

/// Problem details (RFC 9457): the body of every error.
package struct Problem: Codable, Equatable, Sendable {
  package static let mediaType = "application/problem+json"

  /// One field that breaks a rule.
  package struct Field: Codable, Equatable, Sendable {
    /// JSON Pointer (RFC 6901) into the body.
    var pointer: String
    var detail: String
  }

  package var type: String
  package var title: String
  package var status: Int
  /// What is wrong with this request, for people.
  package var detail: String?
  /// Every field that breaks a rule, at most ``maxErrors``.
  package var errors: [Field]?

  static let maxErrors = 20

  package init(type: String, title: String, status: Int, detail: String?) {
    self.type = type
    self.title = title
    self.status = status
    self.detail = detail
  }

  package init(_ kind: ProblemKind, _ detail: String? = nil, errors: [Field]? = nil) {
    type = kind.type
    title = kind.title
    status = kind.status.code
    self.detail = detail
    self.errors = errors.map { Array($0.prefix(Self.maxErrors)) }
  }
}

/// Ends a request with a problem.
package struct ProblemError: Error {
  var kind: ProblemKind
  var problem: Problem
  /// Of the answer, such as `Allow` with 405.
  var headers = HTTPFields()

  init(_ kind: ProblemKind, _ detail: String? = nil, errors: [Problem.Field]? = nil) {
    self.kind = kind
    problem = Problem(kind, detail, errors: errors)
  }
}
