import HTTPTypes
import Hummingbird
import TaskQueueHTTP
import TaskQueuePrometheus

/// Where one provider's callbacks come in, and how they are read. Nothing that one provider sends touches the payments of another.
struct CallbackSource: Sendable {
  let handler: CallbackHandler
  /// Those of its signatures; more than one while the secret is changed. Empty: every callback is refused.
  let secrets: [String]
  let format: ProviderCallbackFormat
}

extension PaymentAPI {
  static let callbackPath = "/paymentProviderCallback"

  /// One path for each provider, and the one without a name.
  var callbackOperations: [APIOperation] {
    callbacks.flatMap { source in
      let name = source.handler.provider
      let named = callbackOperation(source, path: "\(Self.callbackPath)/\(name)", id: "receiveCallbackOf_\(name)")
      let isUnnamed = name == providers.unnamed
      return isUnnamed ? [callbackOperation(source, path: Self.callbackPath, id: "receiveCallback"), named] : [named]
    }
  }

  private func callbackOperation(_ source: CallbackSource, path: String, id: String) -> APIOperation {
    APIOperation(
      method: .post,
      path: path,
      id: id,
      summary: "Receive a callback of the provider `\(source.handler.provider)`",
      description: """
        Signed over the body's bytes: `t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "t.body")>`, at most 5 minutes off. \
        The status is a hint: the provider is asked. A payment that isn't known yet is remembered.
        """,
      parameters: [
        .init(
          name: source.format.signatureHeader,
          location: .header,
          isRequired: true,
          description: "Several `v1` are tried, so that secrets can be changed.",
          schema: ["type": "string", "maxLength": .integer(Int64(CallbackSignature.maxBytes))]
        )
      ],
      body: .init(schema: source.format.schema, example: source.format.example),
      access: .signed,
      audience: .provider,
      answers: [.init(status: .accepted, description: "Taken, also if it was repeated.")],
      problems: [.invalidSignature],
      handle: { try await receiveCallback($0, source) }
    )
  }

  private func receiveCallback(_ request: APIRequest, _ source: CallbackSource) async throws -> Response {
    let body = try await request.body()
    let signature = CallbackSignature(secrets: source.secrets)
    let (header, now) = (request.header(source.format.signatureHeader), now())
    try refusals.noting(source.handler.provider) { () throws(SignatureError) in
      try signature.verify(header, of: body, at: now)
    }
    if let callback = try await source.format.callback(body) {
      let outcome = try await source.handler.handle(callback)
      metrics.increment("payments_callbacks_total", [("outcome", outcome.rawValue)])
    }
    return Response(status: .accepted)
  }
}
