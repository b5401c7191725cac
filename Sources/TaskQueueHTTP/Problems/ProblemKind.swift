public import HTTPTypes

/// A kind of error that an API answers. Clients tell kinds apart by the problem's `type`.
///
/// An app adds its own as static members:
///
/// ```swift
/// extension ProblemKind {
///   static let soldOut = Self("sold-out", .conflict, "There is none left")
/// }
/// ```
public struct ProblemKind: Hashable, Sendable {
  /// Unique among the kinds of an API; the last part of its problems' `type`.
  public var name: String
  public var status: HTTPResponse.Status
  /// The same for every occurrence.
  public var title: String
  /// When the same request may succeed; nil: that is of no use. At least 1.
  public var retryAfterSeconds: Int?

  public init(_ name: String, _ status: HTTPResponse.Status, _ title: String, retryAfterSeconds: Int? = nil) {
    self.name = name
    self.status = status
    self.title = title
    self.retryAfterSeconds = retryAfterSeconds
  }
}

extension ProblemKind {
  /// 400.
  public static let malformedRequest = Self("malformed-request", .badRequest, "The request can't be read")
  /// 403; thrown by ``SiteCheck``.
  public static let crossSite = Self("cross-site", .forbidden, "Another site's pages may not ask for this")
  /// 404.
  public static let notFound = Self("not-found", .notFound, "There is no such thing")
  /// 405; name the methods in `Allow`.
  public static let methodNotAllowed = Self(
    "method-not-allowed",
    .methodNotAllowed,
    "The method doesn't fit the path"
  )
  /// 408.
  public static let requestTimeout = Self(
    "request-timeout",
    .requestTimeout,
    "The request took too long to arrive"
  )
  /// 413.
  public static let bodyTooLarge = Self("body-too-large", .contentTooLarge, "The body is too large")
  /// 415.
  public static let notJSON = Self("not-json", .unsupportedMediaType, "The body must be application/json")
  /// 417; thrown by ``SiteCheck``.
  public static let expectationFailed = Self(
    "expectation-failed",
    .expectationFailed,
    "Only 100-continue can be expected"
  )
  /// 421; thrown by ``SiteCheck``.
  public static let unknownHost = Self("unknown-host", .misdirectedRequest, "The request is for another host")
  /// 422; name the fields in ``ProblemError/errors``.
  public static let invalidFields = Self(
    "invalid-fields",
    .unprocessableContent,
    "The body breaks the rules of its fields"
  )
  /// 500.
  public static let internalError = Self("internal-error", .internalServerError, "We made a mistake")
  /// 503.
  public static let unavailable = Self(
    "unavailable",
    .serviceUnavailable,
    "Something we need doesn't answer",
    retryAfterSeconds: 1
  )
}

extension ProblemKind {
  /// 400; thrown by ``RequestKey``.
  public static let missingIdempotencyKey = Self(
    "missing-idempotency-key",
    .badRequest,
    "An Idempotency-Key is needed"
  )
  /// 409; thrown by ``IdempotencyGate``.
  public static let keyInUse = Self(
    "idempotency-key-in-use",
    .conflict,
    "A request with this Idempotency-Key is being worked on",
    retryAfterSeconds: 1
  )
  /// 422; thrown by ``IdempotencyGate``.
  public static let keyReused = Self(
    "idempotency-key-reused",
    .unprocessableContent,
    "This Idempotency-Key was used for another request"
  )
  /// 401; for what ``CallbackSignature`` and ``StandardWebhook`` refuse.
  public static let invalidSignature = Self("invalid-signature", .unauthorized, "The signature doesn't fit")
  /// 429; thrown by ``BacklogGate``.
  public static let backlogFull = Self(
    "backlog-full",
    .tooManyRequests,
    "Too much is waiting to be done; come back later",
    retryAfterSeconds: 5
  )
  /// 429; thrown by ``RateLimiter``, with its own `Retry-After`.
  public static let tooManyRequests = Self(
    "too-many-requests",
    .tooManyRequests,
    "Too many requests; come back later",
    retryAfterSeconds: 1
  )
}
