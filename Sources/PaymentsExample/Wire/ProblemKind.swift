import HTTPTypes
import TaskQueueHTTP

extension ProblemKind {
  /// 409.
  static let wrongStatus = Self("wrong-status", .conflict, "The payment's status doesn't allow it")
  /// 409.
  static let orderTaken = Self("order-taken", .conflict, "The order has a payment")
  /// 415.
  static let notJSON = Self("not-json", .unsupportedMediaType, "The body must be application/json")
  /// 401.
  static let missingKey = Self("missing-key", .unauthorized, "A key is needed")
  /// 401.
  static let unknownKey = Self("unknown-key", .unauthorized, "The key isn't known, or no longer")
  /// 403.
  static let insufficientScope = Self("insufficient-scope", .forbidden, "The key isn't for this")
  /// 403.
  static let crossSite = Self("cross-site", .forbidden, "Another site's pages may not ask for this")
  /// 417.
  static let expectationFailed = Self("expectation-failed", .expectationFailed, "Only 100-continue can be expected")
  /// 421.
  static let unknownHost = Self("unknown-host", .misdirectedRequest, "The request is for another host")
  /// 429.
  static let tooManyRequests = Self(
    "too-many-requests",
    .tooManyRequests,
    "Too many requests; come back later",
    retryAfterSeconds: 1
  )

  /// Every kind of error the API answers.
  static let allCases: [ProblemKind] = [
    .malformedRequest, .missingIdempotencyKey, .missingKey, .unknownKey, .insufficientScope, .crossSite, .unknownHost,
    .invalidSignature, .notFound, .methodNotAllowed, .requestTimeout, .keyInUse, .wrongStatus, .orderTaken,
    .bodyTooLarge, .notJSON, .expectationFailed, .invalidFields, .keyReused, .tooManyRequests, .backlogFull,
    .internalError, .unavailable,
  ]

  /// Before a kind's name: a relative reference into the readable documentation.
  static let typeBase = "/doc#"

  var type: String { Self.typeBase + name }
}
