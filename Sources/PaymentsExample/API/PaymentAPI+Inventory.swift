import Foundation
import Hummingbird
import TaskQueueHTTP

extension PaymentAPI {
  /// Its form is that of `CallbackSignature`.
  static let inventorySignatureHeader = "Inventory-Signature"

  var inventoryOperation: APIOperation {
    APIOperation(
      method: .post,
      path: "/inventoryEvents",
      id: "receiveInventoryEvent",
      summary: "Receive an event of the inventory service",
      description: """
        Each event counts once, by its idempotent_key, however often and concurrently it is delivered. RESERVED creates a \
        payment, with the terms of the event or else those of the order; every other status is taken note of. Signed as the \
        provider's callbacks are.
        """,
      parameters: [
        .init(
          name: Self.inventorySignatureHeader,
          location: .header,
          isRequired: true,
          description: "Over the body's bytes, with the inventory service's secret.",
          schema: ["type": "string", "maxLength": .integer(Int64(CallbackSignature.maxBytes))]
        )
      ],
      body: .init(
        schema: "InventoryEvent",
        example: ["idempotent_key": "inv-1", "order_id": "order-12", "status": "RESERVED"]
      ),
      access: .signed,
      audience: .provider,
      answers: [
        .json(
          .accepted,
          "InventoryReceipt",
          "Taken, also if it was repeated.",
          headers: [
            "Idempotency-Replayed": "`true` if this answer was given before, and nothing was done.",
            "Location": "The payment, if there is one.",
          ]
        )
      ],
      problems: [.invalidSignature, .keyInUse, .invalidFields, .keyReused, .backlogFull],
      handle: { try await receiveInventoryEvent($0) }
    )
  }

  private func receiveInventoryEvent(_ request: APIRequest) async throws -> Response {
    let body = try await request.body()
    let signature = CallbackSignature(secrets: inventorySecrets)
    try signature.verify(request.header(Self.inventorySignatureHeader), of: body, at: now())
    guard case .object(let fields) = try await request.tree(body) else {
      throw ProblemError(.malformedRequest, "The body must be a JSON object.")
    }
    let intake = InventoryIntake(
      client: client,
      backlog: backlog,
      services: services,
      orders: orders
    )
    return try await intake.take(try InventoryEvent(fields))
  }
}
