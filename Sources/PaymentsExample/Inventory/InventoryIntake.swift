import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

/// Takes in the inventory service's events, however they get here: each that has an order paid counts once, and an order is paid
/// once, whatever the keys of its events.
///
/// The event's key, the payment (CREATED), its first task and the event about it in the outbox are one commit. A repeated or
/// concurrent delivery waits for that commit and finds the payment.
struct InventoryIntake: Sendable {
  /// How long a key is known. Redelivered later, an event would be paid twice.
  static let keyLifetime = Duration.seconds(10 * 365 * 86_400)

  let creation: PaymentCreation
  let backlog: BacklogGate
  /// nil: events must say themselves what to pay.
  let orders: (any OrderSource)?
  /// Of the events that have their order paid. Nothing is kept of others, so that their key can come again.
  let payingStatuses: Set<String>

  private var client: TaskClient<PostgresTaskStore> { creation.client }

  /// - Returns: 202, with the payment's path if there is one; again the same for a repetition.
  /// - Throws: ``ProblemError``: `idempotency-key-reused` for a key with another content, `invalid-fields` if it isn't known
  ///   what to pay, `backlog-full`, `order-taken` if money moved for the order's payment after that had ended; nothing is kept of the event then. `unavailable` if the order can't be asked for.
  func take(_ event: InventoryEvent) async throws -> Response {
    guard payingStatuses.contains(event.status) else {
      return try JSONResponse.make(.accepted, InventoryReceipt(idempotentKey: event.idempotentKey))
    }
    let key = RequestKey(caller: "inventory", operation: "event", key: event.idempotentKey)
    let gate = IdempotencyGate(store: .payments, pool: client.pool, lifetime: Self.keyLifetime)
    let isKnown = try await gate.store.isAnswered(key, in: client.pool)
    // Asked for before the transaction begins: it may take long, and changes nothing.
    let payment = isKnown ? nil : try await self.payment(for: event)
    // Only what is to be paid adds to what is open.
    let backlog = payment == nil ? nil : backlog
    return try await PaymentCreation.settlingRaces {
      let answer = try await gate.answer(key, RequestFingerprint(of: event), backlog: backlog) { transaction in
        // Expired between the look and now.
        guard let payment else { throw ProblemError(.unavailable) }
        let location = try await location(of: payment, in: transaction)
        let receipt = InventoryReceipt(idempotentKey: event.idempotentKey, payment: location)
        return try .json(.accepted, receipt, location: location)
      }
      return JSONResponse.make(answer)
    }
  }

  /// Of the order's payment, a new one unless it has one.
  private func location(of payment: NewPayment, in transaction: LibpqTransaction) async throws -> String {
    do {
      return "/payments/\(try await creation.create(payment, by: PaymentActor.inventory, in: transaction).id)"
    } catch let taken as OrderTaken {
      // Nothing is kept of the event then: it is to come again, after a person has looked.
      guard taken.contradiction == nil else { throw taken.problem }
      return taken.location
    }
  }

  private func payment(for event: InventoryEvent) async throws -> NewPayment {
    guard let terms = try await self.terms(of: event) else {
      throw ProblemError(
        .invalidFields,
        errors: [.init(pointer: "/order_id", detail: "is an order of which nobody knows what to pay")]
      )
    }
    return NewPayment(
      userId: terms.userId,
      orderId: event.orderId,
      amount: terms.amount,
      currency: terms.currency,
      description: terms.description ?? "Order \(event.orderId)"
    )
  }

  private func terms(of event: InventoryEvent) async throws -> OrderTerms? {
    if let terms = event.terms { return terms }
    guard let orders else { return nil }
    let terms: OrderTerms?
    do { terms = try await orders.terms(orderId: event.orderId) } catch {
      throw ProblemError(.unavailable, "The order can't be asked for now; send the event again.")
    }
    guard let terms else { return nil }
    guard
      NewPayment.amounts.contains(terms.amount), Currency.exponent(terms.currency) != nil,
      (1...NewPayment.maxIdLength).contains(terms.userId.unicodeScalars.count), !terms.userId.utf8.contains(0),
      (terms.description ?? "").unicodeScalars.count <= NewPayment.maxDescriptionLength,
      terms.description?.utf8.contains(0) != true
    else { throw ProblemError(.unavailable, "The order's terms make no payment.") }
    return terms
  }
}

/// The answer to an inventory event.
struct InventoryReceipt: Codable, Equatable, Sendable {
  var idempotentKey: String
  /// Path of the order's payment; nil: the event has nothing paid.
  var payment: String?

  private enum CodingKeys: String, CodingKey {
    case idempotentKey = "idempotent_key"
    case payment
  }
}
