import HTTPTypes
import TaskQueueHTTP

extension ProblemKind {
  /// 409.
  static let wrongStatus = Self("wrong-status", .conflict, "The payment's status doesn't allow it")
  /// 409.
  static let orderTaken = Self("order-taken", .conflict, "The order has a payment")
  /// 401.
  static let missingKey = Self("missing-key", .unauthorized, "A key is needed")
  /// 401.
  static let unknownKey = Self("unknown-key", .unauthorized, "The key isn't known, or no longer")
  /// 403.
  static let insufficientScope = Self("insufficient-scope", .forbidden, "The key isn't for this")

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
