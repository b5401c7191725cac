/// A refund as the provider shows it, or a dispute, which takes money back as well.
package struct ProviderRefund: Codable, Equatable, Sendable {
  package var id: String
  /// Empty: nobody here asked for it.
  package var reference: String
  /// In minor units.
  package var amount: Int64
  /// DONE, FAILED, REJECTED, CANCELLED and RETURNED are final; so are WON and LOST of a dispute.
  package var status: String
  /// For people.
  package var reason: String?
  var isDispute = false

  private enum CodingKeys: String, CodingKey {
    case id, reference, amount, status, reason
  }

  package init(id: String, reference: String = "", amount: Int64, status: String, reason: String? = nil) {
    self.id = id
    self.reference = reference
    self.amount = amount
    self.status = status
    self.reason = reason
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(String.self, forKey: .id)
    reference = try container.decodeIfPresent(String.self, forKey: .reference) ?? ""
    amount = try container.decode(Int64.self, forKey: .amount)
    status = try container.decode(String.self, forKey: .status)
    reason = try container.decodeIfPresent(String.self, forKey: .reason)
  }

  /// If nobody here asked for it.
  var origin: Refund.Origin { isDispute ? .dispute : .provider }

  /// The status in our words.
  var state: String {
    if isDispute { return [Refund.won, Refund.lost].contains(status) ? status : Refund.open }
    return Self.state(status)
  }

  /// Why it failed, if it did.
  var failure: String { Self.failure(status, reason) }

  /// Why a refund of this status failed, if it did, in the provider's words if it has any.
  static func failure(_ status: String, _ reason: String? = nil) -> String {
    "The provider says \(ProviderText.plain(status))" + (reason.map { ": \(ProviderText.plain($0))" } ?? "") + "."
  }

  var isFinal: Bool { [Refund.done, Refund.failed, Refund.won, Refund.lost].contains(state) }

  /// What moved, in minor units: 0 while that is open, and if it failed.
  var moved: Int64 { [Refund.done, Refund.lost].contains(state) ? max(0, amount) : 0 }

  /// A refund's status in our words. What was returned never reached whom it was for.
  static func state(_ status: String) -> String {
    let state = PaymentStatus(ProviderStatus(rawValue: status))
    return state == .cancelled || state == .returned ? Refund.failed : state.rawValue
  }
}

extension PaymentProvider {
  /// All that took money of a payment back, or tries to: its refunds and its disputes. Two questions.
  /// - Returns: nil: the provider knows neither.
  func takenBack(paymentId: String) async throws -> [ProviderRefund]? {
    let refunds = try await known(.refunds) { try await self.refunds(paymentId: paymentId) }
    let disputes = try await known(.disputes) { try await self.disputes(paymentId: paymentId) }
    guard refunds != nil || disputes != nil else { return nil }
    return (refunds ?? [])
      + (disputes ?? []).map { entry in
        var entry = entry
        entry.isDispute = true
        return entry
      }
  }

  private func known(
    _ capability: ProviderCapabilities,
    _ ask: () async throws -> [ProviderRefund]
  ) async throws -> [ProviderRefund]? {
    guard capabilities.contains(capability) else { return nil }
    do { return try await ask() } catch let error as ProviderError where error.code == .unsupported { return nil }
  }
}

/// What a refund is asked for with.
package struct ProviderRefundRequest: Encodable, Equatable, Sendable {
  /// The provider's id of the payment; in the path, not in the body.
  var paymentId: String
  /// Our refund's name: what it is found by when an answer got lost.
  var reference: String
  /// In minor units.
  var amount: Int64

  private enum CodingKeys: String, CodingKey {
    case reference, amount
  }
}

/// The answer to `GET /v1/payments/{id}/disputes`.
package struct ProviderDisputeList: Codable, Equatable, Sendable {
  package var disputes: [ProviderRefund]

  package init(disputes: [ProviderRefund]) {
    self.disputes = disputes
  }
}

/// The answer to `GET /v1/payments/{id}/refunds`.
package struct ProviderRefundList: Codable, Equatable, Sendable {
  package var refunds: [ProviderRefund]

  package init(refunds: [ProviderRefund]) {
    self.refunds = refunds
  }
}
