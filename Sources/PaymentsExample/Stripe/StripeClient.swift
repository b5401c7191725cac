package import AsyncHTTPClient
package import Foundation

/// Stripe's PaymentIntents as a payment provider.
///
/// A payment is a PaymentIntent with its payment method, made without confirming it, which moves no money; executing is
/// confirming. The method is given when the intent is made and never again: a failed attempt takes it away, so that a
/// repeated confirmation is refused and can't try to charge a second time.
///
/// It doesn't retry: the queue does, and it knows how often and when. Two things follow from Stripe's idempotency keys
/// (https://docs.stripe.com/api/idempotent_requests). A repetition within 24 hours gets the first answer, also if that was
/// a 500: such a step stands still until the key is forgotten, unless the books show that it was done. And a key is only
/// remembered if Stripe began to work on the request: a refused one may be sent again.
package struct StripeClient: PaymentProvider, CustomReflectable {
  /// Pinned: another version may have other statuses. https://docs.stripe.com/api/versioning
  static let version = "2025-11-17.clover"
  /// Entries of one answer; Stripe's most.
  package static let pageSize = 100
  /// Answers that one look for a reference reads.
  static let maxPages = 1000

  package let capabilities = ProviderCapabilities.all
  package let configuration: StripeConfiguration
  package let client: HTTPClient
  /// The clock that looking back begins at.
  package var now: @Sendable () -> Date = { Date() }

  /// A refund and a refused cancellation are two requests. There is also room for what comes before they are sent.
  package var callLimit: Duration { configuration.timeout * 2 + .seconds(1) }

  /// https://docs.stripe.com/api/idempotent_requests
  package var keyLifetime: Duration? { .seconds(24 * 3600) }

  package var callbackFormat: ProviderCallbackFormat { .stripe(namespace: configuration.namespace) }

  package init(client: HTTPClient, configuration: StripeConfiguration) {
    self.client = client
    self.configuration = configuration
  }

  package func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    guard let amount = StripeAmount.amount(request.amount, currency: request.currency) else {
      throw Self.refusal("POST /v1/payment_intents", "Stripe can't be told \(request.amount) \(request.currency).")
    }
    var form: StripeForm = [
      "amount": String(amount), "currency": request.currency.lowercased(),
      "payment_method": configuration.paymentMethod,
      "payment_method_types[0]": configuration.paymentMethodType,
      "metadata[\(StripeMetadata.reference)]": request.reference,
      "metadata[\(StripeMetadata.namespace)]": configuration.namespace,
      "metadata[\(StripeMetadata.userId)]": request.userId,
    ]
    if !request.description.isEmpty { form.add("description", request.description) }
    let intent: StripePaymentIntent = try await post("/v1/payment_intents", form, idempotencyKey)
    return intent.payment
  }

  /// Confirms the intent. Nobody is there to answer a bank's question: a payment that needs one fails.
  @discardableResult
  package func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    let form: StripeForm = ["error_on_requires_action": "true"]
    let intent: StripePaymentIntent = try await post("\(Self.path(id))/confirm", form, idempotencyKey)
    return intent.payment
  }

  package func payment(id: String) async throws -> ProviderPayment {
    let intent: StripePaymentIntent = try await get(Self.path(id), [:])
    return intent.payment
  }

  /// Lists what was made within ``StripeConfiguration/lookback`` and picks ours by metadata.
  ///
  /// Not by Stripe's search: that shows an object about a minute after it was made, later when Stripe is in trouble
  /// (https://docs.stripe.com/search), which is when we ask. The list is current, and costs one call per
  /// ``pageSize`` intents of the account. That it ends somewhere is safe: for 24 hours the idempotency key keeps a second
  /// intent from being made, and should one be made later all the same, only the one whose id we stored is ever confirmed.
  package func payments(reference: String) async throws -> [ProviderPayment] {
    guard configuration.lookback > .zero else { return [] }
    let since = now().addingTimeInterval(-(configuration.lookback / .seconds(1)))
    var found: [StripePaymentIntent] = []
    var cursor: String?
    for _ in 1...Self.maxPages {
      let page = try await intents(since: since, until: nil, after: cursor)
      found += ours(page.data).filter { $0.metadata?[StripeMetadata.reference] == reference }
      guard page.hasMore, let last = page.data.last else {
        return found.sorted { ($0.created ?? 0, $0.id) < ($1.created ?? 0, $1.id) }.map(\.payment)
      }
      cursor = last.id
    }
    throw CommandError("Stripe lists too many payments; look back less far.")
  }

  /// Newest first; those of other namespaces are left out: they are in other books.
  package func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    let page = try await intents(since: window.lowerBound, until: window.upperBound, after: cursor)
    return ProviderPage(payments: ours(page.data).map(\.payment), next: page.hasMore ? page.data.last?.id : nil)
  }

  package func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    do {
      let intent: StripePaymentIntent = try await post("\(Self.path(id))/cancel", [:], idempotencyKey)
      return intent.payment
    } catch let error as ProviderError where error.isRefusal {
      // Also what is cancelled already is refused.
      let payment = try await self.payment(id: id)
      guard payment.status == .cancelled else { throw error }
      return payment
    }
  }

  package func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    // The request doesn't say the currency, and Stripe's unit depends on it.
    let currency = try await payment(id: request.paymentId).currency ?? ""
    guard let amount = StripeAmount.amount(request.amount, currency: currency) else {
      throw Self.refusal("POST /v1/refunds", "Stripe can't be told \(request.amount) \(currency).")
    }
    let form: StripeForm = [
      "payment_intent": request.paymentId, "amount": String(amount),
      "metadata[\(StripeMetadata.reference)]": request.reference,
      "metadata[\(StripeMetadata.namespace)]": configuration.namespace,
    ]
    let refund: StripeRefund = try await post("/v1/refunds", form, idempotencyKey)
    return refund.refund
  }

  package func refunds(paymentId: String) async throws -> [ProviderRefund] {
    try await all("/v1/refunds", of: paymentId) { (refund: StripeRefund) in refund.refund }
  }

  package func disputes(paymentId: String) async throws -> [ProviderRefund] {
    do {
      return try await all("/v1/disputes", of: paymentId) { (dispute: StripeRefund) in dispute.dispute }
    } catch var error as ProviderError where error.httpStatus == 404 {
      // Something that isn't Stripe, but nearly.
      error.code = .unsupported
      throw error
    }
  }

  private func all<Element: Decodable & Sendable & Identifiable>(
    _ path: String,
    of paymentId: String,
    _ translate: (Element) -> ProviderRefund
  ) async throws -> [ProviderRefund] where Element.ID == String {
    var found: [ProviderRefund] = []
    var cursor: String?
    for _ in 1...Self.maxPages {
      var query: StripeForm = ["payment_intent": paymentId, "limit": String(Self.pageSize)]
      if let cursor { query.add("starting_after", cursor) }
      let page: StripeList<Element> = try await get(path, query)
      found += page.data.map(translate)
      guard page.hasMore, let last = page.data.last else { return found }
      cursor = last.id
    }
    throw CommandError("Stripe's list at \(path) is too long for one payment.")
  }

  /// Stripe counts in whole seconds: a little more than the window is asked for.
  private func intents(since: Date, until: Date?, after cursor: String?) async throws
    -> StripeList<StripePaymentIntent>
  {
    var query: StripeForm = [
      "limit": String(Self.pageSize), "created[gte]": String(Int64(since.timeIntervalSince1970.rounded(.down))),
    ]
    if let until { query.add("created[lt]", String(Int64(until.timeIntervalSince1970.rounded(.up)))) }
    if let cursor { query.add("starting_after", cursor) }
    return try await self.get("/v1/payment_intents", query)
  }

  private func ours(_ intents: [StripePaymentIntent]) -> [StripePaymentIntent] {
    intents.filter { $0.metadata?[StripeMetadata.namespace] == configuration.namespace }
  }

  private static func path(_ id: String) -> String {
    "/v1/payment_intents/\(StripeForm.escaped(id))"
  }

  /// Leaves out the HTTP client, whose insides remember the headers of requests.
  package var customMirror: Mirror { Mirror(self, children: ["configuration": configuration]) }

  /// Of what isn't even sent.
  private static func refusal(_ call: String, _ reason: String) -> ProviderError {
    ProviderError(code: .refused, call: call, httpStatus: 0, reason: reason)
  }
}

/// A page of a list, newest first.
struct StripeList<Element: Decodable & Sendable>: Decodable, Sendable {
  var data: [Element]
  var hasMore: Bool

  private enum CodingKeys: String, CodingKey {
    case data
    case hasMore = "has_more"
  }
}
