import HTTPTypes
import TaskQueueHTTP

extension ProblemKind {
  /// 409.
  static let wrongStatus = Self("wrong-status", .conflict, "The payment's status doesn't allow it")
  /// 409.
  static let orderTaken = Self("order-taken", .conflict, "The order has a payment")
  /// 415.
  static let notJSON = Self("not-json", .unsupportedMediaType, "The body must be application/json")

  /// Every kind of error the API answers.
  static let allCases: [ProblemKind] = [
    .malformedRequest, .missingIdempotencyKey, .invalidSignature, .notFound, .methodNotAllowed, .requestTimeout,
    .keyInUse, .wrongStatus, .orderTaken, .bodyTooLarge, .notJSON, .invalidFields, .keyReused, .backlogFull,
    .internalError, .unavailable,
  ]

  /// Before a kind's name: a relative reference into the readable documentation.
  static let typeBase = "/doc#"

  var type: String { Self.typeBase + name }
}
