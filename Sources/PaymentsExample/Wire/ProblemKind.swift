import HTTPTypes

/// Every kind of error the API answers. Clients tell them apart by the problem's `type`.
package enum ProblemKind: String, CaseIterable, Sendable {
  case malformedRequest = "malformed-request"
  case missingIdempotencyKey = "missing-idempotency-key"
  case missingKey = "missing-key"
  case unknownKey = "unknown-key"
  case insufficientScope = "insufficient-scope"
  case crossSite = "cross-site"
  case unknownHost = "unknown-host"
  case invalidSignature = "invalid-signature"
  case notFound = "not-found"
  case methodNotAllowed = "method-not-allowed"
  case requestTimeout = "request-timeout"
  case keyInUse = "idempotency-key-in-use"
  case wrongStatus = "wrong-status"
  case bodyTooLarge = "body-too-large"
  case notJSON = "not-json"
  case invalidFields = "invalid-fields"
  case keyReused = "idempotency-key-reused"
  case tooManyRequests = "too-many-requests"
  case backlogFull = "backlog-full"
  case internalError = "internal-error"
  case unavailable = "unavailable"

  var status: HTTPResponse.Status {
    switch self {
    case .malformedRequest, .missingIdempotencyKey: .badRequest
    case .missingKey, .unknownKey, .invalidSignature: .unauthorized
    case .insufficientScope, .crossSite: .forbidden
    case .unknownHost: .misdirectedRequest
    case .notFound: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .requestTimeout: .requestTimeout
    case .keyInUse, .wrongStatus: .conflict
    case .bodyTooLarge: .contentTooLarge
    case .notJSON: .unsupportedMediaType
    case .invalidFields, .keyReused: .unprocessableContent
    case .tooManyRequests, .backlogFull: .tooManyRequests
    case .internalError: .internalServerError
    case .unavailable: .serviceUnavailable
    }
  }

  /// The same for every occurrence.
  var title: String {
    switch self {
    case .malformedRequest: "The request can't be read"
    case .missingIdempotencyKey: "An Idempotency-Key is needed"
    case .missingKey: "A key is needed"
    case .unknownKey: "The key isn't known, or no longer"
    case .insufficientScope: "The key isn't for this"
    case .crossSite: "Another site's pages may not ask for this"
    case .unknownHost: "The request is for another host"
    case .invalidSignature: "The signature isn't the provider's"
    case .notFound: "There is no such thing"
    case .methodNotAllowed: "The method doesn't fit the path"
    case .requestTimeout: "The request took too long to arrive"
    case .keyInUse: "A request with this Idempotency-Key is being worked on"
    case .wrongStatus: "The payment's status doesn't allow it"
    case .bodyTooLarge: "The body is too large"
    case .notJSON: "The body must be application/json"
    case .invalidFields: "The body breaks the rules of its fields"
    case .keyReused: "This Idempotency-Key was used for another request"
    case .tooManyRequests: "Too many requests; come back later"
    case .backlogFull: "Too many payments are open; come back later"
    case .internalError: "We made a mistake"
    case .unavailable: "Something we need doesn't answer"
    }
  }

  /// Whether the same request may succeed later.
  var retryAfterSeconds: Int? {
    switch self {
    case .tooManyRequests, .keyInUse, .unavailable: 1
    case .backlogFull: 5
    default: nil
    }
  }

  /// A relative reference into the readable documentation.
  var type: String { "/doc#\(rawValue)" }
}
