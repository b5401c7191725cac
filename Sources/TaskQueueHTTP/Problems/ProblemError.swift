public import HTTPTypes

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Ends a request with a problem.
public struct ProblemError: Error, Hashable, Sendable {
  /// The most parts of a request that are named; more are left out.
  public static let maxErrors = 20

  public var kind: ProblemKind
  /// What is wrong with this request, for people. Goes to the client: never more than it may know.
  public var detail: String?
  /// Every part that breaks a rule, at most ``maxErrors``.
  public var errors: [Problem.Field]?
  /// Of the response's header, beside its type and `Retry-After`: `Allow`, `WWW-Authenticate` and the like. One of the same name counts
  /// instead of those.
  public var fields: HTTPFields

  public init(
    _ kind: ProblemKind,
    _ detail: String? = nil,
    errors: [Problem.Field]? = nil,
    fields: HTTPFields = [:]
  ) {
    self.kind = kind
    self.detail = detail
    self.errors = errors.map { Array($0.prefix(Self.maxErrors)) }
    self.fields = fields
  }

  /// The response's body.
  ///
  /// - Parameter base: The kind's name after it is the `type`: `https://shop.example/problems#`.
  public func problem(base: String) -> Problem {
    Problem(type: base + kind.name, title: kind.title, status: kind.status.code, detail: detail, errors: errors)
  }

  /// The response's head and body.
  ///
  /// - Parameter base: As of ``problem(base:)``.
  public func response(base: String) -> (head: HTTPResponse, body: Data) {
    var head = HTTPResponse(status: kind.status, headerFields: [.contentType: Problem.mediaType])
    if let seconds = kind.retryAfterSeconds { head.headerFields[.retryAfter] = String(seconds) }
    for name in Set(fields.map(\.name)) { head.headerFields[fields: name] = fields[fields: name] }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and numbers alone: it cannot fail.
    return (head, (try? encoder.encode(problem(base: base))) ?? Data("{}".utf8))
  }
}
