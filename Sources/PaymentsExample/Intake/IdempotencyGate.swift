import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueuePostgres

/// Does a request once and answers its repetitions with the first answer.
///
/// The key's row is written first, and commits together with what the request does and with the answer. A concurrent
/// request with the same key waits for that transaction, which is a few statements long, and then gets the same answer:
/// a client that repeats itself quickly is served, instead of being told to ask again. If waiting takes longer than
/// ``lockTimeout``, it is told so with 409.
///
/// Requests that break a rule never get here, so their keys stay free.
struct IdempotencyGate: Sendable {
  static let replayedHeader = "Idempotency-Replayed"

  let client: TaskClient<PostgresTaskStore>
  /// How long a key is remembered.
  var lifetime = Duration.seconds(86_400)
  /// Longest wait for another request with the same key to commit.
  var lockTimeout = Duration.seconds(5)

  /// - Parameters:
  ///   - request: what has to be the same under one key, as JSON with sorted keys.
  ///   - admit: throws if nothing new can be accepted now; repetitions are answered all the same.
  ///   - end: is told after `admit` let it in and the transaction has ended, however.
  ///   - work: what is done once, in the transaction.
  /// - Throws: ``ProblemError``: `idempotency-key-reused`, `idempotency-key-in-use`; what `admit` and `work` throw, with
  ///   nothing done and the key free.
  func answer(
    _ key: IdempotencyKey,
    _ request: some Encodable,
    admit: () async throws -> Void = {},
    end: () -> Void = {},
    _ work: (LibpqTransaction) async throws -> IdempotentAnswer
  ) async throws -> Response {
    let fingerprint = Data(SHA256.hash(data: try JSONFormat.encoder().encode(request)))
    if let recorded = try await IdempotencyStore.find(key, in: client.pool) {
      return try replay(recorded, fingerprint)
    }
    try await admit()
    defer { end() }
    do {
      return try await client.pool.withTransaction { transaction in
        let isFree = try await IdempotencyStore.take(
          key,
          fingerprint: fingerprint,
          lifetime: lifetime,
          lockTimeout: lockTimeout,
          in: transaction
        )
        guard isFree else {
          guard let recorded = try await IdempotencyStore.find(key, in: transaction) else {
            throw ProblemError(.keyInUse)
          }
          return try replay(recorded, fingerprint)
        }
        let answer = try await work(transaction)
        try await IdempotencyStore.record(answer, for: key, in: transaction)
        return response(answer)
      }
    } catch let error as LibpqError where error.sqlState == "55P03" {
      throw ProblemError(.keyInUse)
    }
  }

  private func replay(_ recorded: IdempotencyStore.Recorded, _ fingerprint: Data) throws -> Response {
    guard recorded.fingerprint == fingerprint else { throw ProblemError(.keyReused) }
    var response = self.response(recorded.answer)
    if let name = HTTPField.Name(Self.replayedHeader) { response.headers[name] = "true" }
    return response
  }

  private func response(_ answer: IdempotentAnswer) -> Response {
    var headers = HTTPFields()
    headers[.location] = answer.location
    return JSONResponse.make(.init(code: answer.status), data: answer.body, headers: headers)
  }
}
