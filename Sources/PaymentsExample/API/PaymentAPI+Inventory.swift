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
        Each event that has an order paid (COMPLETED, unless other statuses are configured) counts once, by its idempotent_key, \
        however often and concurrently it is delivered, and creates the order's payment, with the terms of the event or else \
        those of the order. If the order has a payment already, whatever made it, the answer names that one. Any other status \
        changes nothing, and its key stays free. Signed as the provider's callbacks are.
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
        example: ["idempotent_key": "inv-1", "order_id": "order-12", "status": "COMPLETED"]
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
      problems: [.invalidSignature, .keyInUse, .orderTaken, .invalidFields, .keyReused, .backlogFull],
      handle: { try await receiveInventoryEvent($0) }
    )
  }

  private func receiveInventoryEvent(_ request: APIRequest) async throws -> Response {
    let body = try await request.body()
    let signature = CallbackSignature(secrets: inventorySecrets)
    let (header, now) = (request.header(Self.inventorySignatureHeader), now())
    try refusals.noting(PaymentActor.inventory) { () throws(SignatureError) in
      try signature.verify(header, of: body, at: now)
    }
    guard case .object(let fields) = try await StrictJSON.tree(body) else {
      throw ProblemError(.malformedRequest, "The body must be a JSON object.")
    }
    let intake = InventoryIntake(
      creation: creation,
      backlog: backlog,
      orders: orders,
      payingStatuses: payingStatuses
    )
    return try await intake.take(try InventoryEvent(fields))
  }
}
