import HTTPTypes

/// Every kind of error the API answers. Clients tell them apart by the problem's `type`.
package enum ProblemKind: String, CaseIterable, Sendable {
  case malformedRequest = "malformed-request"
  case missingIdempotencyKey = "missing-idempotency-key"
  case invalidSignature = "invalid-signature"
  case notFound = "not-found"
  case methodNotAllowed = "method-not-allowed"
  case requestTimeout = "request-timeout"
  case keyInUse = "idempotency-key-in-use"
  case wrongStatus = "wrong-status"
  case orderTaken = "order-taken"
  case bodyTooLarge = "body-too-large"
  case notJSON = "not-json"
  case invalidFields = "invalid-fields"
  case keyReused = "idempotency-key-reused"
  case backlogFull = "backlog-full"
  case internalError = "internal-error"
  case unavailable = "unavailable"

  var status: HTTPResponse.Status {
    switch self {
    case .malformedRequest, .missingIdempotencyKey: .badRequest
    case .invalidSignature: .unauthorized
    case .notFound: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .requestTimeout: .requestTimeout
    case .keyInUse, .wrongStatus, .orderTaken: .conflict
    case .bodyTooLarge: .contentTooLarge
    case .notJSON: .unsupportedMediaType
    case .invalidFields, .keyReused: .unprocessableContent
    case .backlogFull: .tooManyRequests
    case .internalError: .internalServerError
    case .unavailable: .serviceUnavailable
    }
  }

  /// The same for every occurrence.
  var title: String {
    switch self {
    case .malformedRequest: "The request can't be read"
    case .missingIdempotencyKey: "An Idempotency-Key is needed"
    case .invalidSignature: "The signature isn't the provider's"
    case .notFound: "There is no such thing"
    case .methodNotAllowed: "The method doesn't fit the path"
    case .requestTimeout: "The request took too long to arrive"
    case .keyInUse: "A request with this Idempotency-Key is being worked on"
    case .wrongStatus: "The payment's status doesn't allow it"
    case .orderTaken: "The order has a payment"
    case .bodyTooLarge: "The body is too large"
    case .notJSON: "The body must be application/json"
    case .invalidFields: "The body breaks the rules of its fields"
    case .keyReused: "This Idempotency-Key was used for another request"
    case .backlogFull: "Too many payments are open; come back later"
    case .internalError: "We made a mistake"
    case .unavailable: "Something we need doesn't answer"
    }
  }

  /// Whether the same request may succeed later.
  var retryAfterSeconds: Int? {
    switch self {
    case .keyInUse, .unavailable: 1
    case .backlogFull: 5
    default: nil
    }
  }

  /// A relative reference into the readable documentation.
  var type: String { "/doc#\(rawValue)" }
}
