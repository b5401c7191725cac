import HTTPTypes
import Hummingbird
import TaskQueueHTTP

extension PaymentAPI {
  /// Every operation there is.
  var operations: [APIOperation] {
    [create, createMany, list, show, cancel, resumeOperation, refund] + callbackOperations + [inventoryOperation]
      + ownOperations
  }

  /// What is there at an address of this audience's own. Health is everywhere.
  func operations(for audience: Audience) -> [APIOperation] {
    operations.filter { $0.audience == audience }.map { operation in
      var operation = operation
      if audience == .monitoring { operation.access = .open }
      return operation
    } + healthOperations
  }

  static let paymentId = APIOperation.Parameter(
    name: "id",
    location: .path,
    isRequired: true,
    description: "The payment's id.",
    schema: APISchemas.id
  )

  static func idempotencyKey(isRequired: Bool, _ description: String) -> APIOperation.Parameter {
    APIOperation.Parameter(
      name: "Idempotency-Key",
      location: .header,
      isRequired: isRequired,
      description: description,
      schema: APISchemas.idempotencyKey
    )
  }

  private static let replayed = [
    "Idempotency-Replayed": "`true` if this answer was given before, and nothing was done."
  ]

  private static let accepted = replayed.merging(
    ["Location": "The payment."].merging(preferenceApplied, uniquingKeysWith: { first, _ in first }),
    uniquingKeysWith: { first, _ in first }
  )

  private var create: APIOperation {
    APIOperation(
      method: .post,
      path: "/payments",
      id: "createPayment",
      summary: "Accept a payment",
      description: """
        The payment, the key and the first task are one commit. Repeating the request with its key gives the first \
        answer, or the result once a request has waited for it; the same key with another body is refused. A concurrent repetition waits for the first. An order has one \
        payment: for another one the answer is 409 with that payment's Location, until that one is CANCELLED or FAILED without money moved.
        """,
      parameters: [
        Self.idempotencyKey(isRequired: true, "Names this payment: the same for every repetition."), Self.prefer,
      ],
      body: .init(
        schema: "NewPayment",
        example: [
          "userId": "user-7", "orderId": "order-12", "amount": 1250, "currency": "EUR", "description": "Two books",
        ]
      ),
      access: .key(.create),
      answers: [
        .json(.accepted, "Payment", "Accepted; it will be worked on.", headers: Self.accepted),
        .json(.created, "Payment", "It was waited for, and is final.", headers: Self.accepted),
      ],
      problems: [.missingIdempotencyKey, .keyInUse, .orderTaken, .invalidFields, .keyReused, .backlogFull],
      handle: { try await createPayment($0) }
    )
  }

  private var list: APIOperation {
    func parameter(_ name: String, _ description: String, _ schema: JSONTree) -> APIOperation.Parameter {
      .init(name: name, location: .query, description: description, schema: schema)
    }
    let id = APISchemas.text(1...NewPayment.maxIdLength, "")
    return APIOperation(
      method: .get,
      path: "/payments",
      id: "listPayments",
      summary: "List payments",
      description: "Newest first. A page and the cursor of the next; payments made meanwhile don't shift the pages.",
      parameters: [
        parameter("status", "Only with this status.", APISchemas.text(1...PaymentStatus.maxLength, "")),
        parameter("stopped", "Only those that a person has to look at, or only the others.", ["type": "boolean"]),
        parameter("failing", "Only those whose last attempt came to nothing, or only the others.", ["type": "boolean"]),
        parameter("userId", "Only of this user.", id),
        parameter("orderId", "Only for this order.", id),
        parameter("createdSince", "Only created at this instant or later.", APISchemas.instant),
        parameter("createdUntil", "Only created before this instant.", APISchemas.instant),
        parameter(
          "limit",
          "Payments per page.",
          [
            "type": "integer", "minimum": .integer(Int64(PaymentQuery.limits.lowerBound)),
            "maximum": .integer(Int64(PaymentQuery.limits.upperBound)),
            "default": .integer(Int64(PaymentQuery.defaultLimit)),
          ]
        ),
        parameter(
          "cursor",
          "The `next` of the page before.",
          APISchemas.id
        ),
      ],
      access: .key(.read),
      answers: [.json(.ok, "PaymentPage", "A page.")],
      handle: { try await listPayments($0) }
    )
  }

  private var show: APIOperation {
    APIOperation(
      method: .get,
      path: "/payments/{id}",
      id: "showPayment",
      summary: "Show a payment with its history, refunds and disputes",
      parameters: [Self.paymentId, Self.prefer],
      access: .key(.read),
      answers: [.json(.ok, "PaymentDetails", "The payment.", headers: Self.preferenceApplied)],
      problems: [.notFound],
      handle: { try await showPayment($0) }
    )
  }

  private var cancel: APIOperation {
    APIOperation(
      method: .post,
      path: "/payments/{id}/cancel",
      id: "cancelPayment",
      summary: "Cancel a payment",
      description: """
        Before the provider was told to execute it, a payment is cancelled at once. After that the provider decides: it \
        is asked by a durable task, and may refuse. Repeating the request changes nothing.
        """,
      parameters: [Self.paymentId],
      access: .key(.create),
      answers: [
        .json(.ok, "Payment", "It is CANCELLED: no money moved, and none will."),
        .json(.accepted, "Payment", "The provider will be asked."),
      ],
      problems: [.notFound, .wrongStatus],
      handle: { try await cancelPayment($0) }
    )
  }

  private var refund: APIOperation {
    APIOperation(
      method: .post,
      path: "/payments/{id}/refund",
      id: "refundPayment",
      summary: "Refund a payment, or a part of it",
      description: """
        Without an amount all that is left is refunded; that may be repeated without a key, and gives a new refund only once \
        the one before has failed. The refund is carried out by \
        a durable task; its state is shown with the payment.
        """,
      parameters: [
        Self.paymentId, Self.idempotencyKey(isRequired: false, "Names this refund; needed with an amount."),
      ],
      body: .init(schema: "NewRefund", isRequired: false, example: ["amount": 250, "reason": "One book came back"]),
      access: .key(.refund),
      answers: [
        .json(
          .accepted,
          "Refund",
          "Accepted; it will be worked on.",
          headers: Self.replayed.merging(["Location": "The payment."], uniquingKeysWith: { first, _ in first })
        )
      ],
      problems: [.missingIdempotencyKey, .notFound, .keyInUse, .wrongStatus, .invalidFields, .keyReused],
      handle: { try await refundPayment($0) }
    )
  }
}
