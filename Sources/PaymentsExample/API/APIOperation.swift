import Foundation
import HTTPTypes
import Hummingbird
import TaskQueueHTTP

/// One operation of the API: its route, its part of the OpenAPI document, and what it does. There is no other list of
/// routes.
struct APIOperation: Sendable {
  /// Who may ask for it.
  enum Access: Equatable, Sendable {
    /// Everybody.
    case open
    /// Whoever signs the body, which the operation checks.
    case signed
    /// Whoever has a key for this, as soon as there are keys.
    case key(CallerScope)
  }

  struct Parameter: Sendable {
    enum Location: String, Sendable { case path, query, header }
    var name: String
    var location: Location
    var isRequired = false
    var description: String
    var schema: JSONTree
  }

  struct Body: Sendable {
    /// Name of a schema in ``APISchemas``.
    var schema: String
    var isRequired = true
    var example: JSONTree
  }

  struct Answer: Sendable {
    var status: HTTPResponse.Status
    var description: String
    var mediaType: String?
    /// Name of a schema in ``APISchemas``; nil: any text.
    var schema: String?
    /// Name and description.
    var headers: [String: String] = [:]

    static func json(
      _ status: HTTPResponse.Status,
      _ schema: String,
      _ description: String,
      headers: [String: String] = [:]
    ) -> Self {
      Self(status: status, description: description, mediaType: "application/json", schema: schema, headers: headers)
    }
  }

  var method: HTTPRequest.Method
  /// `/payments/{id}`
  var path: String
  /// Unique; clients' generators name their functions after it.
  var id: String
  var summary: String
  /// Markdown's plain part: paragraphs.
  var description = ""
  var parameters: [Parameter] = []
  var body: Body?
  var access = Access.open
  var audience = Audience.api
  var answers: [Answer]
  /// What it answers beside those that every operation may.
  var problems: [ProblemKind] = []
  var handle: @Sendable (APIRequest) async throws -> Response

  /// Every operation may answer these.
  static let commonProblems: [ProblemKind] = [
    .malformedRequest, .expectationFailed, .unknownHost, .tooManyRequests, .internalError, .unavailable,
  ]

  /// All problems, by status.
  var problemsByStatus: [(status: HTTPResponse.Status, kinds: [ProblemKind])] {
    var kinds = problems + Self.commonProblems
    if case .key = access { kinds += [.missingKey, .unknownKey, .insufficientScope] }
    if method != .get { kinds += [.crossSite, .notJSON] }
    if body != nil { kinds += [.requestTimeout, .bodyTooLarge] }
    let byStatus = Dictionary(grouping: Set(kinds), by: \.status.code)
    return byStatus.sorted { $0.key < $1.key }.map { _, kinds in
      (kinds[0].status, kinds.sorted { $0.name < $1.name })
    }
  }

  private var segments: [Substring] { path.split(separator: "/", omittingEmptySubsequences: false) }

  /// The values of the path's parameters, decoded; nil: another path.
  func match(_ path: String) -> [String: String]? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let segments = self.segments
    guard parts.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (segment, part) in zip(segments, parts) {
      if segment.hasPrefix("{"), segment.hasSuffix("}") {
        guard !part.isEmpty, let value = String(part).removingPercentEncoding else { return nil }
        values[String(segment.dropFirst().dropLast())] = value
      } else if segment != part {
        return nil
      }
    }
    return values
  }
}
