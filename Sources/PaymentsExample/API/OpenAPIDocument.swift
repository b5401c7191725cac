import HTTPTypes
import TaskQueueHTTP

/// The OpenAPI 3.1 document, made from the same operations that the requests are routed by.
enum OpenAPIDocument {
  static let title = "Payments"
  static let version = "1.0.0"
  static let introduction = """
    Outgoing payments on TaskQueue. A payment is accepted at once and worked on until it is final: DONE, CANCELLED, RETURNED or \
    FAILED. Each is executed at most once, whatever is lost, repeated or restarted.
    """

  private static let securityScheme = "key"
  private static let bearer: JSONTree = [
    "type": "http", "scheme": "bearer",
    "description": """
    A key of `payments keys add`, with scopes: create, read, refund, operate. While there is none, this machine needs none.
    """,
  ]

  /// - Parameter providers: that new payments may name.
  static func make(_ operations: [APIOperation], providers: [String]) -> JSONTree {
    var paths: [String: [String: JSONTree]] = [:]
    for operation in operations {
      paths[operation.path, default: [:]][operation.method.rawValue.lowercased()] = self.operation(operation)
    }
    return [
      "openapi": "3.1.0",
      "info": ["title": .text(title), "version": .text(version), "description": .text(introduction)],
      "paths": .object(paths.mapValues { .object($0) }),
      "components": [
        "schemas": .object(APISchemas.all(providers: providers)), "securitySchemes": [securityScheme: bearer],
      ],
    ]
  }

  private static func operation(_ operation: APIOperation) -> JSONTree {
    var fields: [String: JSONTree] = [
      "operationId": .text(operation.id),
      "summary": .text(operation.summary),
      "responses": .object(responses(operation)),
    ]
    if case .key(let scope) = operation.access {
      fields["security"] = [.object([securityScheme: [.text(scope.rawValue)]])]
    }
    if !operation.description.isEmpty { fields["description"] = .text(operation.description) }
    if !operation.parameters.isEmpty {
      fields["parameters"] = .array(
        operation.parameters.map { parameter in
          [
            "name": .text(parameter.name), "in": .text(parameter.location.rawValue),
            "required": .bool(parameter.isRequired), "description": .text(parameter.description),
            "schema": parameter.schema,
          ]
        }
      )
    }
    if let body = operation.body {
      fields["requestBody"] = [
        "required": .bool(body.isRequired),
        "content": ["application/json": ["schema": APISchemas.reference(body.schema), "example": body.example]],
      ]
    }
    return .object(fields)
  }

  private static func responses(_ operation: APIOperation) -> [String: JSONTree] {
    var responses: [String: JSONTree] = [:]
    for answer in operation.answers {
      var response: [String: JSONTree] = ["description": .text(answer.description)]
      if let mediaType = answer.mediaType {
        let plain: JSONTree = ["type": mediaType == "application/json" ? "object" : "string"]
        response["content"] = .object([mediaType: ["schema": answer.schema.map(APISchemas.reference) ?? plain]])
      }
      if !answer.headers.isEmpty { response["headers"] = headers(answer.headers) }
      responses[String(answer.status.code)] = .object(response)
    }
    for (status, kinds) in operation.problemsByStatus {
      var response: [String: JSONTree] = [
        "description": .text(kinds.map { "\($0.title) (`\($0.type)`)." }.joined(separator: " ")),
        "content": .object([Problem.mediaType: ["schema": APISchemas.reference("Problem")]]),
      ]
      var fields: [String: String] = [:]
      if kinds.contains(where: { $0.retryAfterSeconds != nil }) {
        fields["Retry-After"] = "Seconds after which the same request may succeed."
      }
      if kinds.contains(.missingKey) { fields["WWW-Authenticate"] = "Bearer, and what is wrong with the key." }
      if !fields.isEmpty { response["headers"] = headers(fields) }
      responses[String(status.code)] = .object(response)
    }
    return responses
  }

  private static func headers(_ headers: [String: String]) -> JSONTree {
    .object(headers.mapValues { ["description": .text($0), "schema": ["type": "string"]] })
  }
}
