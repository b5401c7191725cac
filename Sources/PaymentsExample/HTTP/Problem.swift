import HTTPTypes

/// Problem details (RFC 9457): the body of every error.
struct Problem: Codable, Equatable, Sendable {
  static let mediaType = "application/problem+json"

  /// One field that breaks a rule.
  struct Field: Codable, Equatable, Sendable {
    /// JSON Pointer (RFC 6901) into the body.
    var pointer: String
    var detail: String
  }

  var type: String
  var title: String
  var status: Int
  /// What is wrong with this request, for people.
  var detail: String?
  /// Every field that breaks a rule, at most ``maxErrors``.
  var errors: [Field]?

  static let maxErrors = 20

  init(type: String, title: String, status: Int, detail: String?) {
    self.type = type
    self.title = title
    self.status = status
    self.detail = detail
  }

  init(_ kind: ProblemKind, _ detail: String? = nil, errors: [Field]? = nil) {
    self.type = kind.type
    self.title = kind.title
    self.status = kind.status.code
    self.detail = detail
    self.errors = errors.map { Array($0.prefix(Self.maxErrors)) }
  }
}
