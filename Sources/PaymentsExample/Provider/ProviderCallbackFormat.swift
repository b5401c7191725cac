import Foundation
import TaskQueueHTTP

/// How a provider signs and writes its callbacks. All use the form of `CallbackSignature`.
package struct ProviderCallbackFormat: Sendable {
  /// The header with the signature.
  var signatureHeader: String
  /// Name of the body's schema in ``APISchemas``.
  var schema: String
  var example: JSONTree
  /// Reads a body; throws `DecodingError` if it isn't in the format. nil: it is about no payment of ours.
  var decode: @Sendable (Data) async throws -> ProviderCallback?

  /// What a body says whose signature fits; nil: it is about no payment of ours.
  /// - Throws: `malformed-request`.
  func callback(_ body: Data) async throws -> ProviderCallback? {
    do {
      let callback = try await decode(body)
      if callback?.isValid ?? true { return callback }
    } catch is DecodingError {
      // Answered below.
    }
    throw ProblemError(.malformedRequest, "The body must be JSON as \(schema) says.")
  }

  /// Of our own contract.
  static let contract = Self(
    signatureHeader: ProviderCallback.signatureHeader,
    schema: "ProviderCallback",
    example: ["eventId": "ev_1", "paymentProviderId": "pp_1", "status": "DONE"],
    decode: { try await StrictJSON.read(ProviderCallback.self, from: $0, decoder: JSONFormat.decoder()) }
  )
}
