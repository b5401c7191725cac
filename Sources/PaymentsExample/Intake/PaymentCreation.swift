import HTTPTypes
import Libpq
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

/// How a payment begins.
///
/// An order has one payment, unless several are allowed: one that ended CANCELLED or FAILED moved no money, and makes room for
/// another, unless money moved for it later. Whose order it is counts too: each caller has orders of its own.
struct PaymentCreation: Sendable {
  /// The index that refuses a second payment of an order, in `P0002_api.sql`.
  static let orderIndex = "payment_order_only"
  /// How often a request is begun anew because another one for its order was committed meanwhile.
  static let maxRaces = 3

  let client: TaskClient<PostgresTaskStore>
  /// The names of those that a payment may ask for.
  var providers = [PaymentProviders.defaultName]
  /// The one that it gets if it asks for none.
  var primary = PaymentProviders.defaultName
  var services = StepServices.none
  /// Whether a caller may pay an order several times.
  var allowsSeveralPerOrder = false

  /// Stores the payment, the first line of its history, and its first task, in the caller's transaction: none of them
  /// ever exists without the others. It gets the steps around it whose services this process knows; see ``SagaHandler``.
  ///
  /// - Parameters:
  ///   - caller: whose payment and order it is; empty: nobody's.
  ///   - actor: who made it, for the history.
  /// - Throws: `invalid-fields` if there is no provider of that name; ``OrderTaken``, with nothing done; a `LibpqError` that ``settlingRaces(_:)`` knows, if that other payment is committed
  ///   meanwhile.
  func create(
    _ new: NewPayment,
    caller: String = "",
    by actor: String = PaymentActor.worker,
    in transaction: LibpqTransaction
  ) async throws -> Payment {
    guard providers.contains(new.provider ?? primary) else {
      throw ProblemError(.invalidFields, errors: [.init(pointer: "/provider", detail: "is no provider's name here")])
    }
    let steps = services.steps(orderId: new.orderId)
    guard let payment = try await insert(new, steps, caller, actor, in: transaction) else {
      throw try await taker(of: new.orderId, caller, in: transaction)
    }
    if steps.isEmpty {
      let first = InitPayment(paymentId: payment.id, isFirst: true)
      try await client.enqueue(first, options: first.options, in: transaction)
    } else {
      let first = RunSaga(paymentId: payment.id, isFirst: true)
      try await client.enqueue(first, options: first.options, in: transaction)
    }
    return payment
  }

  /// Begins a transaction that creates a payment anew if another one for the same order was committed at the same moment: now it
  /// finds that one.
  static func settlingRaces<Value>(_ body: () async throws -> Value) async throws -> Value {
    for _ in 1..<maxRaces {
      do { return try await body() } catch let error as LibpqError where error.constraint == orderIndex {
        continue
      }
    }
    return try await body()
  }

  /// nil: the order has a payment.
  private func insert(
    _ new: NewPayment,
    _ steps: [StepName],
    _ caller: String,
    _ actor: String,
    in transaction: LibpqTransaction
  ) async throws -> Payment? {
    // Looking first spares the usual second request an error; the index settles what comes at the same moment.
    try await PaymentStore.one(
      PaymentStore.statement(
        "create",
        """
        WITH created AS (
          INSERT INTO payments.payment (user_id, order_id, amount, currency, description, caller, is_only, provider, steps)
          SELECT $1, $2::text, $3, $4, $5, $6, $7, $9, nullif($10::text[], '{}') WHERE NOT $7 OR NOT EXISTS (\(Self.takers(order: "$2", caller: "$6")))
          RETURNING *
        ), event AS (
          INSERT INTO payments.payment_event (payment_id, kind, status, actor) SELECT id, 'created', status, $8 FROM created
        )
        SELECT \(PaymentStore.columns) FROM created
        """,
        [
          .text(new.userId), .optional(new.orderId), .int8(new.amount), .text(new.currency), .text(new.description),
          .text(caller), .bool(!allowsSeveralPerOrder), .text(actor), .text(new.provider ?? primary),
          .textArray(steps.map(\.rawValue)),
        ]
      ),
      in: transaction
    )
  }

  /// - Throws: ``ProblemError`` `unavailable`: it has ended just now, and makes room.
  private func taker(
    of order: String?,
    _ caller: String,
    in transaction: LibpqTransaction
  ) async throws -> OrderTaken {
    let result = try await transaction.query(
      "\(Self.takers(order: "$1", caller: "$2")) ORDER BY created_at LIMIT 1",
      [.optional(order), .text(caller)]
    )
    guard let row = result.rows.first else { throw ProblemError(.unavailable) }
    return OrderTaken(payment: try row.id(0), contradiction: try row.optionalText(1))
  }

  /// The payments of an order that leave no room for another.
  private static func takers(order: String, caller: String) -> String {
    """
    SELECT id, CASE WHEN is_contradicted THEN stop_reason END FROM payments.payment
    WHERE caller = \(caller) AND order_id = \(order) AND (status NOT IN ('CANCELLED', 'FAILED') OR is_contradicted)
    """
  }
}

/// The order has a payment, which was not cancelled and has not failed, or so it seemed.
struct OrderTaken: Error {
  var payment: PaymentID
  /// Money moved for it after it had ended without; nil: it has not.
  var contradiction: String?

  /// Where the payment is found.
  var location: String { "/payments/\(payment)" }

  var problem: ProblemError {
    let detail =
      contradiction.map { "Payment \(payment) is for this order. \($0) A person has to look, and resume it." }
      ?? "Payment \(payment) is for this order."
    return ProblemError(.orderTaken, detail, fields: [.location: location])
  }
}
