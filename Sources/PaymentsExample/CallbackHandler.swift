import Crypto
import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// What a callback does about a check task that exists already.
package enum CallbackStrategy: String, CaseIterable, Sendable {
  /// Pulls the existing task forward; one that runs runs once more. The better one: a payment never has two checks.
  case coalesce
  /// machamp's way: enqueues a new check and deletes the older ones that nobody holds. What a deleted one knew of a call
  /// without an answer stays in the ledger of effects as unknown, for a person.
  case deleteDuplicates = "delete-duplicates"
}

/// Turns the provider's callbacks into checks. Their signature has been checked.
///
/// The status in a callback is never believed: callbacks come late, twice, and out of order. It only means that asking
/// the provider is worth it now. Each event counts once, by its id.
struct CallbackHandler: Sendable {
  /// What became of a callback. All of them are answered alike: the provider has nothing to repeat.
  enum Outcome: String, Sendable {
    /// A check will run.
    case checkScheduled = "check-scheduled"
    /// It came before; nothing was changed.
    case duplicate
    /// No payment of ours has this provider id yet. It is remembered; whoever stores the id enqueues the check.
    case remembered
    /// It is final, and the callback names nothing that may happen afterwards.
    case alreadyFinal = "already-final"
  }

  /// The provider's name, also in the inbox.
  let provider: String
  let client: TaskClient<PostgresTaskStore>
  var strategy = CallbackStrategy.coalesce
  /// How long an event is known as received, and one for an unknown id waits; longer than the provider repeats it.
  var retention = UpkeepSettings().callbackLifetime

  private var inbox: CallbackInbox<PostgresTaskStore> { CallbackInbox(store: client.store, retention: retention) }

  func handle(_ callback: ProviderCallback) async throws -> Outcome {
    let event = CallbackEvent(
      source: provider,
      id: Self.name(callback.eventId),
      subject: Self.name(callback.paymentProviderId),
      payload: try JSONFormat.encoder().encode(callback)
    )
    let id = callback.paymentProviderId
    guard let payment = try await PaymentStore.find(providerId: id, at: provider, in: client.pool) else {
      // Looks again, in turns with the one who stores the id.
      let receipt = try await inbox.receive(event) { transaction in
        try await PaymentStore.find(providerId: id, at: provider, in: transaction).map { try Self.check($0) }
      }
      return Self.outcome(receipt)
    }
    if payment.status.isFinal, !AfterDone.isNews(callback.status, of: payment) { return .alreadyFinal }
    switch strategy {
    case .coalesce:
      return Self.outcome(try await inbox.receive(event, wake: try Self.check(payment)))
    case .deleteDuplicates:
      try await replaceChecks(of: payment)
      return .checkScheduled
    }
  }

  /// machamp's way.
  private func replaceChecks(of payment: Payment) async throws {
    try await client.pool.withTransaction { transaction in
      // One callback at a time, so that each finds the check of the one before. Nothing here waits for a task.
      _ = try await PaymentStore.lock(payment.id, in: transaction)
      let newest = try await client.enqueue(CheckPayment(paymentId: payment.id), in: transaction)
      let older = DuplicateFilter(
        olderThan: newest.id,
        type: CheckPayment.taskType,
        property: "paymentId",
        value: payment.id.description
      )
      _ = try await client.deleteDuplicates(older, in: transaction)
    }
  }

  /// A provider's text as the inbox takes it: as it is, or a digest if it is too long or has control characters.
  static func name(_ text: String) -> String {
    let isPlain = text.utf8.count <= 256 && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    if isPlain { return text }
    return "sha256:" + SHA256.hash(data: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func check(_ payment: Payment) throws -> NewTask {
    let check = CheckPayment(paymentId: payment.id)
    return try NewTask(check, options: check.options)
  }

  private static func outcome(_ receipt: CallbackReceipt) -> Outcome {
    switch receipt {
    case .accepted: .checkScheduled
    case .duplicate: .duplicate
    case .remembered: .remembered
    }
  }
}
