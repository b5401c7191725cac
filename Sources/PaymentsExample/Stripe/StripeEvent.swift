import Foundation
import TaskQueueHTTP

/// An event that Stripe posts to a webhook endpoint, as far as we read it.
///
/// https://docs.stripe.com/api/events/object
struct StripeEvent: Decodable, Sendable {
  struct Payload: Decodable, Sendable {
    /// The object that the event is about, of whatever type.
    struct Object: Decodable, Sendable {
      var id: String?
      var status: String?
      var metadata: [String: String]?
      /// Of a refund, a dispute or a charge: the payment that it is about.
      var paymentIntent: String?

      private enum CodingKeys: String, CodingKey {
        case id, status, metadata
        case paymentIntent = "payment_intent"
      }
    }

    var object: Object
  }

  var id: String
  var type: String
  var data: Payload

  /// What it says of a payment of ours; nil: something else. An endpoint gets whatever it was subscribed to, and what
  /// isn't taken is sent again for days.
  func callback(namespace: String) -> ProviderCallback? {
    let object = data.object
    if let paymentId = object.paymentIntent, Self.isAfterwards(type) {
      // Disputes, and refunds made at Stripe, have no metadata of ours: whether the payment is ours is looked up.
      guard [nil, namespace].contains(object.metadata?[StripeMetadata.namespace]) else { return nil }
      return ProviderCallback(eventId: id, paymentProviderId: paymentId, status: .init(rawValue: type))
    }
    guard
      type.hasPrefix("payment_intent."), let id = object.id, let status = object.status,
      object.metadata?[StripeMetadata.namespace] == namespace
    else { return nil }
    return ProviderCallback(
      eventId: self.id,
      paymentProviderId: id,
      status: StripePaymentIntent.status(status)
    )
  }

  private static func isAfterwards(_ type: String) -> Bool {
    ["refund.", "charge.refund", "charge.dispute."].contains { type.hasPrefix($0) }
  }

  static let schema: JSONTree = [
    "type": "object",
    "required": ["id", "type", "data"],
    "properties": [
      "id": ["type": "string", "description": "The same for every delivery of one event."],
      "type": [
        "type": "string",
        "description":
          "`payment_intent.*`, `refund.*`, `charge.refund*` and `charge.dispute.*` are read, everything else is only taken.",
      ],
      "data": [
        "type": "object", "required": ["object"],
        "properties": [
          "object": [
            "type": "object", "description": "The PaymentIntent, or what names it as `payment_intent`. A hint; we ask.",
          ]
        ],
      ],
    ],
  ]

  static let example: JSONTree = [
    "id": "evt_1", "type": "payment_intent.succeeded",
    "data": [
      "object": [
        "id": "pi_1", "status": "succeeded", "metadata": ["namespace": "2f1d7a60-…", "reference": "0197f0c4-…"],
      ]
    ],
  ]
}

extension ProviderCallbackFormat {
  /// Stripe's events. Their signature has the scheme of our own contract; the secret is the endpoint's `whsec_…`.
  ///
  /// https://docs.stripe.com/webhooks, "Verify webhook signatures manually"
  static func stripe(namespace: String) -> Self {
    Self(
      signatureHeader: "Stripe-Signature",
      schema: "StripeEvent",
      example: StripeEvent.example,
      decode: {
        let event = try await StrictJSON.read(StripeEvent.self, from: $0, decoder: JSONFormat.decoder())
        return event.callback(namespace: namespace)
      }
    )
  }
}
