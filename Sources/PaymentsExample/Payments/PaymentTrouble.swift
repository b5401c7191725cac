import AsyncHTTPClient
import Foundation
import Libpq
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TaskQueue

/// Why a payment or a refund that isn't final doesn't come on, and when it is tried again.
struct PaymentTrouble: Equatable, Sendable {
  /// Whose it is.
  enum Subject: Hashable, Sendable {
    case payment(PaymentID)
    case refund(RefundID)

    fileprivate var id: LibpqValue {
      switch self {
      case .payment(let id): .id(id)
      case .refund(let id): .id(id)
      }
    }

    fileprivate var metadata: Logger.Metadata {
      switch self {
      case .payment(let id): ["payment": "\(id)"]
      case .refund(let id): ["refund": "\(id)"]
      }
    }
  }

  /// Of ``error``, in characters.
  static let maxLength = 300

  /// What became of the last attempt; nil: it came on, or waits for the provider.
  var error: String?
  var errorAt: Date?
  /// Before now: it is due, or being worked on. nil: nothing is going to be done about it.
  var nextAttemptAt: Date?

  /// What an attempt came to nothing for, as callers may see it: calls and statuses, never a payload, nor what is within this machine.
  static func text(_ error: any Error) -> String {
    let text =
      switch error {
      case let error as ProviderError where error.code == .unsent:
        "not sent: \(error.call)"
          + (error.retryAfter.map { ", next try in \(Int(($0 / .seconds(1)).rounded(.up))) s" } ?? "")
      case let error as ProviderError where error.code == .unanswered: "no answer: \(error.call)"
      case let error as ProviderError:
        "\(error.call): HTTP status \(error.httpStatus)"
          + (error.code == .unexpectedStatus ? "" : ", \(error.code.rawValue)")
          + (error.retryAfter.map {
            ", and the provider asks for patience for \(Int(($0 / .seconds(1)).rounded(.up))) s"
          } ?? "")
      case let error as EffectError: "\(error.effect): \(error.underlying.map { Self.text($0) } ?? error.message)"
      case let error as EffectFailure: error.message.isEmpty ? error.code : error.message
      case let error as HTTPClientError where [.deadlineExceeded, .readTimeout].contains(error): "no answer in time"
      case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
      case let error as HTTPClientError where error == .remoteConnectionClosed:
        "the connection was closed without an answer"
      case let error as StepServiceError: error.description
      case let error as UnknownProvider: error.description
      case let error as UnknownStatus: error.description
      case is LibpqError: "the database could not be asked"
      case is NIOConnectionError, is IOError: "no connection: nobody answers at the address"
      default: "\(type(of: error))"
      }
    return String(text.unicodeScalars.filter { $0.value >= 0x20 }.prefix(maxLength).map { Character($0) })
  }
}

extension PaymentStore {
  /// Notes that an attempt came to nothing, and counts it. The history gets a line when that begins. One statement, whose commit waits for no disk;
  /// changes nothing about what is final.
  /// - Returns: whether it begins: the attempt before came on; nil: it is final.
  static func note(_ error: String, of subject: PaymentTrouble.Subject, in pool: LibpqPool) async throws -> Bool? {
    let (table, payment, final, detail) =
      switch subject {
      case .payment: ("payments.payment", "id", "'DONE', 'CANCELLED', 'FAILED', 'RETURNED'", "$2")
      case .refund:
        ("payments.refund", "payment_id", "'DONE', 'FAILED', 'OPEN', 'WON', 'LOST'", "'refund ' || $1 || ': ' || $2")
      }
    let result = try await pool.query(
      """
      WITH before AS (
        SELECT id, last_error IS NULL AS begins FROM \(table) WHERE id = $1 AND status NOT IN (\(final)) FOR NO KEY UPDATE
      ), noted AS (
        UPDATE \(table) AS t SET last_error = $2, last_error_at = now(), attempts = attempts + 1
        FROM before WHERE t.id = before.id RETURNING t.\(payment) AS payment_id, begins
      ), line AS (
        INSERT INTO payments.payment_event (payment_id, kind, status, detail, actor)
        SELECT p.id, '\(PaymentEvent.Kind.attemptFailed.rawValue)', p.status, \(detail), '\(PaymentActor.worker)'
        FROM noted JOIN payments.payment AS p ON p.id = noted.payment_id
        WHERE begins AND '\(PaymentEvent.Kind.attemptFailed.rawValue)' IS DISTINCT FROM (
          SELECT kind FROM payments.payment_event AS e WHERE e.payment_id = p.id ORDER BY e.id DESC LIMIT 1)
      )
      SELECT begins, set_config('synchronous_commit', 'off', true) FROM noted
      """,
      [subject.id, .text(error)]
    )
    return try result.rows.first?.bool(0)
  }

  /// Forgets what an earlier attempt came to nothing for.
  /// - Returns: whether there was anything.
  static func noteRecovery(of subject: PaymentTrouble.Subject, in pool: LibpqPool) async throws -> Bool {
    let table =
      switch subject {
      case .payment: "payments.payment"
      case .refund: "payments.refund"
      }
    let sql = "UPDATE \(table) SET last_error = NULL, last_error_at = NULL WHERE id = $1 AND last_error IS NOT NULL"
    return try await pool.query(sql, [subject.id]).affectedRows == 1
  }

  /// The troubles of a payment and its refunds, as far as these aren't final.
  static func troubles(of id: PaymentID, in database: some LibpqQueryable) async throws -> [UUID: PaymentTrouble] {
    let result = try await database.query(
      """
      SELECT id, last_error, last_error_at, (SELECT next_attempt_at FROM payments.next_task(id)) FROM (
        SELECT id, last_error, last_error_at FROM payments.payment
        WHERE id = $1 AND status NOT IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')
        UNION ALL
        SELECT id, last_error, last_error_at FROM payments.refund WHERE payment_id = $1 AND status NOT IN ('DONE', 'FAILED', 'OPEN', 'WON', 'LOST')
      ) AS open LIMIT 1001
      """,
      [.id(id)]
    )
    var troubles: [UUID: PaymentTrouble] = [:]
    for row in result.rows {
      troubles[try row.uuid(0)] = PaymentTrouble(
        error: try row.optionalText(1),
        errorAt: try row.optionalTimestamptz(2),
        nextAttemptAt: try row.optionalTimestamptz(3)
      )
    }
    return troubles
  }
}

/// Notes the attempts of handlers that come to nothing, and tells the log when that begins and when it ends: not with each attempt.
final class TroubleNotes: Sendable {
  /// The most that are remembered as failing here; of more the log may not tell that they came on.
  static let maxFailing = 10_000

  private let pool: LibpqPool
  private let failing = Mutex<Set<PaymentTrouble.Subject>>([])

  init(pool: LibpqPool) {
    self.pool = pool
  }

  /// Costs a statement if the attempt fails, and if one failed before.
  func noting(
    _ subject: PaymentTrouble.Subject?,
    _ context: TaskContext,
    _ attempt: () async throws -> TaskOutcome
  ) async throws -> TaskOutcome {
    guard let subject else { return try await attempt() }
    let outcome: TaskOutcome
    do { outcome = try await attempt() } catch {
      if error is FlowSuspension {
        await noteRecovery(of: subject, context)
      } else if isNews(error, of: subject) {
        await note(error, of: subject, context.logger)
      }
      throw error
    }
    await noteRecovery(of: subject, context)
    return outcome
  }

  private func noteRecovery(of subject: PaymentTrouble.Subject, _ context: TaskContext) async {
    let isKnown = failing.withLock { $0.remove(subject) != nil }
    if isKnown || context.failures > 0 {
      // For people alone: what it is noted by is no reason to fail.
      let isNoted = (try? await PaymentStore.noteRecovery(of: subject, in: pool)) ?? false
      if isKnown || isNoted { context.logger.notice("payment comes on again", metadata: subject.metadata) }
    }
  }

  /// What was not even sent is noted once: the provider is left alone for a while, for all of its payments.
  private func isNews(_ error: any Error, of subject: PaymentTrouble.Subject) -> Bool {
    if error is CancellationError || error is PaymentChanged { return false }
    guard (error as? ProviderError)?.code == .unsent else { return true }
    return failing.withLock { !$0.contains(subject) }
  }

  private func note(_ error: any Error, of subject: PaymentTrouble.Subject, _ logger: Logger) async {
    let text = PaymentTrouble.text(error)
    let begins = try? await PaymentStore.note(text, of: subject, in: pool)
    failing.withLock { if $0.count < Self.maxFailing, begins != nil { $0.insert(subject) } }
    guard begins == true else { return }
    let metadata = subject.metadata.merging(["error": "\(text)"], uniquingKeysWith: { first, _ in first })
    logger.warning("payment doesn't come on", metadata: metadata)
  }
}
