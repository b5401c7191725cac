import TaskQueueHTTP

/// The JSON Schemas of the API's bodies, by name.
enum APISchemas {
  private static let all: [String: JSONTree] = [
    "NewPayment": newPayment, "NewPaymentBatch": newBatch, "NewPaymentOfBatch": newBatchItem,
    "PaymentBatchAnswers": batchAnswers, "Payment": payment, "PaymentDetails": details, "PaymentPage": page,
    "PaymentEvent": event, "NewRefund": newRefund, "Refund": refund, "ProviderCallback": callback,
    "InventoryEvent": inventoryEvent, "InventoryReceipt": inventoryReceipt, "StripeEvent": StripeEvent.schema,
    "Problem": problem, "Health": health,
  ]

  /// With those of this server besides.
  static func all(providers: [String]) -> [String: JSONTree] {
    let name: JSONTree = [
      "type": "string", "enum": .array(providers.map { .text($0) }),
      "description": "The provider that it goes to; by default the primary one.",
    ]
    return all.merging(["ProviderName": name], uniquingKeysWith: { first, _ in first })
  }

  static let status: JSONTree = [
    "type": "string",
    "description": """
    CREATED, then what the provider says (INIT, PROCESSING or any other word), at last DONE, CANCELLED or FAILED. DONE may \
    become RETURNED: the money came back.
    """,
    "examples": ["CREATED", "INIT", "PROCESSING", "DONE", "CANCELLED", "FAILED", "RETURNED"],
  ]
  static let instant: JSONTree = ["type": "string", "format": "date-time"]
  /// Of a payment or a refund.
  static let id: JSONTree = [
    "type": "string", "format": "uuid", "examples": ["0197f0c4-5d2e-7a41-9c3b-6f0d8e21a4b7"],
  ]
  private static let amount: JSONTree = [
    "type": "integer", "format": "int64", "minimum": .integer(NewPayment.amounts.lowerBound),
    "maximum": .integer(NewPayment.amounts.upperBound),
    "description": "In minor units: cents for EUR, whole yen for JPY, a thousandth of a dinar for KWD.",
  ]
  private static let currency: JSONTree = [
    "type": "string", "enum": .array(Currency.codes.map { .text($0) }), "description": "ISO 4217.",
  ]

  static func text(_ length: ClosedRange<Int>, _ description: String) -> JSONTree {
    [
      "type": "string", "minLength": .integer(Int64(length.lowerBound)),
      "maxLength": .integer(Int64(length.upperBound)), "pattern": "^[^\\u0000]*$", "description": .text(description),
    ]
  }

  private static func identifier(_ description: String, isOptional: Bool) -> JSONTree {
    var kinds: [JSONTree] = [
      text(1...NewPayment.maxIdLength, "Any text."), ["type": "integer", "format": "int64"],
    ]
    if isOptional { kinds.append(["type": "null"]) }
    return ["oneOf": .array(kinds), "description": .text(description)]
  }

  private static func optional(_ schema: JSONTree) -> JSONTree { ["oneOf": [schema, ["type": "null"]]] }

  private static func object(_ required: [String], _ properties: [String: JSONTree], isOpen: Bool = false) -> JSONTree {
    var schema: [String: JSONTree] = ["type": "object", "properties": .object(properties)]
    if !required.isEmpty { schema["required"] = .array(required.map { .text($0) }) }
    if !isOpen { schema["additionalProperties"] = false }
    return .object(schema)
  }

  private static let newPaymentRequired = ["userId", "amount", "currency"]
  private static let newPaymentProperties: [String: JSONTree] = [
    "userId": identifier("Whose payment it is: the payer; a whole number is read as its digits.", isOptional: false),
    "orderId": identifier("What for. One payment each.", isOptional: true),
    "amount": amount, "currency": currency,
    "description": optional(text(0...NewPayment.maxDescriptionLength, "For people.")),
    "provider": optional(reference("ProviderName")),
  ]
  private static let newPayment = object(newPaymentRequired, newPaymentProperties)

  static let idempotencyKey: JSONTree = [
    "type": "string", "minLength": 1, "maxLength": .integer(Int64(RequestKey.maxLength)),
    "pattern": #"^[!#-\[\]-~]+$"#, "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
  ]

  private static let newBatchItem = object(
    newPaymentRequired + ["idempotencyKey"],
    newPaymentProperties.merging(["idempotencyKey": idempotencyKey], uniquingKeysWith: { first, _ in first })
  )

  private static let newBatch = object(
    ["payments"],
    [
      "payments": [
        "type": "array", "minItems": .integer(Int64(PaymentBatch.sizes.lowerBound)),
        "maxItems": .integer(Int64(PaymentBatch.sizes.upperBound)),
        "items": [
          "anyOf": [reference("NewPaymentOfBatch"), [:]],
          "description": "What breaks a rule of NewPaymentOfBatch is answered in its place, and spoils no other.",
        ],
      ]
    ]
  )

  private static let batchAnswers = object(
    ["answers"],
    [
      "answers": [
        "type": "array", "description": "In the order of the payments.",
        "items": object(
          ["status"],
          [
            "idempotencyKey": [
              "type": "string", "description": "The payment's, as it was sent; absent if it can't be one.",
            ],
            "status": ["type": "integer", "description": "Of HTTP: what a single payment would have been answered."],
            "payment": reference("Payment"), "problem": reference("Problem"),
            "location": [
              "type": "string", "format": "uri-reference", "description": "The payment, or the order's other one.",
            ],
            "replayed": [
              "type": "boolean", "description": "Whether this answer was given before, and nothing was done.",
            ],
          ]
        ),
      ]
    ]
  )

  private static let paymentProperties: [String: JSONTree] = [
    "id": id, "userId": ["type": "string"], "orderId": ["type": "string"], "amount": amount, "currency": currency,
    "description": ["type": "string"], "status": status,
    "provider": ["type": "string", "description": "The name of the provider that it is with."],
    "providerId": ["type": "string", "description": "The provider's id, once it is known."],
    "failure": ["type": "string", "description": "Why it is FAILED."], "stopReason": stopReason,
    "attempts": ["type": "integer", "description": "How many attempts at it came to nothing."],
    "executionRounds": [
      "type": "integer",
      "description": "Times that the provider was told to execute it; above 1 if it said yes and did nothing.",
    ],
    "caller": ["type": "string", "description": "Whose key it was made with; absent: none's."],
    "lastError": lastError, "lastErrorAt": instant,
    "createdAt": instant, "updatedAt": instant, "executionRequestedAt": instant, "cancellationRequestedAt": instant,
  ]
  private static let lastError: JSONTree = [
    "type": "string", "description": "What the last attempt came to nothing for; absent once it comes on.",
  ]
  private static let trouble: [String: JSONTree] = [
    "lastError": lastError, "lastErrorAt": instant,
    "nextAttemptAt": [
      "type": "string", "format": "date-time",
      "description": "When it is tried or looked at again; before now: it is due, or being worked on.",
    ],
  ]
  private static let stopReason: JSONTree = [
    "type": "string",
    "description":
      "Why nothing more is done about it until a person resumes or cancels it: the provider has not what was asked for.",
  ]
  private static let paymentRequired = [
    "id", "userId", "amount", "currency", "description", "status", "provider", "attempts", "executionRounds",
    "createdAt", "updatedAt",
  ]
  private static let payment = object(paymentRequired, paymentProperties)

  private static let details = object(
    paymentRequired + ["history", "refunds", "disputes"],
    paymentProperties.merging(
      trouble.merging(
        [
          "history": ["type": "array", "items": reference("PaymentEvent"), "description": "Oldest first."],
          "refunds": [
            "type": "array", "items": reference("Refund"), "description": "Also those made at the provider.",
          ],
          "disputes": [
            "type": "array", "items": reference("Refund"), "description": "OPEN, then WON, or LOST: the money is gone.",
          ],
        ],
        uniquingKeysWith: { first, _ in first }
      ),
      uniquingKeysWith: { first, _ in first }
    )
  )

  private static let event = object(
    ["at", "kind", "status", "actor"],
    [
      "at": instant, "kind": ["type": "string", "enum": .array(PaymentEvent.Kind.allCases.map { .text($0.rawValue) })],
      "status": status, "detail": ["type": "string"],
      "actor": [
        "type": "string",
        "description":
          "The caller's name; or `provider`: it said so, `worker`, or `operator`: this machine, without a key.",
      ],
    ]
  )

  private static let page = object(
    ["payments"],
    [
      "payments": ["type": "array", "items": reference("Payment"), "description": "Newest first."],
      "next": ["type": "string", "description": "The cursor of the next page; absent on the last one."],
    ]
  )

  private static let newRefund = object(
    [],
    [
      "amount": optional(amount),
      "reason": optional(text(0...NewRefund.maxReasonLength, "For people.")),
    ]
  )

  private static let refund = object(
    ["id", "paymentId", "amount", "reason", "status", "origin", "createdAt", "updatedAt"],
    [
      "id": id, "paymentId": id, "amount": amount, "reason": ["type": "string"],
      "status": [
        "type": "string", "description": "DONE may become FAILED: the money never arrived, and can be refunded again.",
        "examples": ["CREATED", "DONE", "FAILED", "OPEN", "WON", "LOST"],
      ],
      "origin": [
        "type": "string", "enum": .array(Refund.Origin.allCases.map { .text($0.rawValue) }),
        "description":
          "Who wants the money back: a caller of ours, somebody at the provider, or who disputes the payment.",
      ],
      "failure": ["type": "string", "description": "Why it is FAILED."],
      "providerId": ["type": "string", "description": "The provider's id of the refund, once it is known."],
      "stopReason": stopReason, "createdAt": instant, "updatedAt": instant,
    ].merging(trouble, uniquingKeysWith: { first, _ in first })
  )

  private static let callback = object(
    ["eventId", "paymentProviderId", "status"],
    [
      "eventId": text(1...ProviderCallback.maxTextLength, "The same for every delivery of one event."),
      "paymentProviderId": text(1...ProviderCallback.maxTextLength, "The provider's id of the payment."),
      "status": text(1...ProviderCallback.maxTextLength, "A hint; we ask."),
    ],
    isOpen: true
  )

  private static let inventoryEvent = object(
    ["idempotent_key", "order_id", "status"],
    [
      "idempotent_key": text(1...InventoryEvent.maxKeyLength, "The same for every delivery of one event."),
      "order_id": identifier("What for.", isOptional: false),
      "status": text(
        1...InventoryEvent.maxStatusLength,
        "Whether the order is to be paid: COMPLETED, unless others are configured."
      ),
      "user_id": identifier("Whose payment it is; without it the order's terms count.", isOptional: true),
      "amount": optional(amount), "currency": optional(currency),
      "description": optional(text(0...NewPayment.maxDescriptionLength, "For people.")),
    ],
    isOpen: true
  )

  private static let inventoryReceipt = object(
    ["idempotent_key"],
    ["idempotent_key": ["type": "string"], "payment": ["type": "string", "format": "uri-reference"]]
  )

  private static let problem = object(
    ["type", "title", "status"],
    [
      "type": [
        "type": "string", "format": "uri-reference",
        "examples": .array(ProblemKind.allCases.map { .text($0.type) }),
      ],
      "title": ["type": "string"], "status": ["type": "integer"], "detail": ["type": "string"],
      "errors": [
        "type": "array",
        "items": object(
          ["pointer", "detail"],
          ["pointer": ["type": "string", "format": "json-pointer"], "detail": ["type": "string"]]
        ),
      ],
    ],
    isOpen: true
  )

  private static let health = object(["status"], ["status": ["type": "string", "const": "ok"]])

  static func reference(_ name: String) -> JSONTree {
    ["$ref": .text("#/components/schemas/\(name)")]
  }
}
