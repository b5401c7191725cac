import HTTPTypes
import Hummingbird
import Libpq
import TaskQueueHTTP
import TaskQueuePostgres

extension PaymentAPI {
  /// Of the keys of new payments, one by one and in batches.
  static let creating = "payment"
  static let batchPath = "/payments/batch"
  /// The most payments of a batch that are one commit: locks are held for as long as it takes.
  static let commitSize = 100
  /// How long a payment of a commit waits for another request's lock, before it is left for a turn of its own.
  private static let briefly = Duration.milliseconds(100)
  /// How long turns of their own are begun for.
  private static let turns = Duration.seconds(10)

  var createMany: APIOperation {
    APIOperation(
      method: .post,
      path: Self.batchPath,
      id: "createPayments",
      summary: "Accept many payments",
      description: """
        Each by itself, with a key of its own and all the rules of a single one, and as if they came one after the other: what is wrong with one \
        changes nothing for the others. The answers have the order of the payments, and the statuses that single ones would have got. A key \
        names the same payment here and there. Repeat the batch, whole or in parts, if its answer is lost or has answers of 409 with a key in \
        use, 429 or 503. Pointers of problems begin at the payment. A batch counts as that many requests.
        """,
      body: .init(
        schema: "NewPaymentBatch",
        example: [
          "payments": [
            ["idempotencyKey": "pay-1", "userId": "user-7", "orderId": "order-21", "amount": 1250, "currency": "EUR"],
            ["idempotencyKey": "pay-2", "userId": "user-8", "orderId": "order-22", "amount": 900, "currency": "EUR"],
          ]
        ]
      ),
      access: .key(.create),
      answers: [.json(.init(code: 207, reasonPhrase: "Multi-Status"), "PaymentBatchAnswers", "One answer for each.")],
      problems: [.invalidFields],
      handle: { try await createPayments($0) }
    )
  }

  private func createPayments(_ request: APIRequest) async throws -> Response {
    let items = try PaymentBatch(try await request.fields(), caller: request.caller).items
    try request.countFurther(items.count - 1)
    let deadline = ContinuousClock.now + Self.turns
    var answers: [BatchAnswer] = []
    while answers.count < items.count {
      let next = items[answers.count...].prefix(Self.commitSize)
      let together = try await acceptTogether(next, by: request.caller)
      answers += together
      guard together.count < next.count else { continue }
      answers.append(try await acceptAlone(items[answers.count], by: request.caller, until: deadline))
    }
    return JSONResponse.make(.init(code: 207, reasonPhrase: "Multi-Status"), data: BatchAnswer.body(answers))
  }

  /// Accepts them in one commit, each in a savepoint of its own.
  /// - Returns: the answers of the first ones, up to the first that has to wait for others or be tried anew.
  private func acceptTogether(_ items: ArraySlice<PaymentBatch.Entry>, by caller: Caller) async throws -> [BatchAnswer]
  {
    var gate = idempotency
    gate.lockTimeout = Self.briefly
    do {
      return try await backlog.admit(items.count) {
        try await client.pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
          var answers: [BatchAnswer] = []
          for item in items {
            switch item.item {
            case .failure(let problem): answers.append(BatchAnswer(problem, item.key))
            case .success(let item):
              guard let answer = try await accept(item, by: caller, gate, in: transaction) else { return answers }
              answers.append(answer)
            }
          }
          return answers
        }
      }
    } catch let problem as ProblemError where problem.kind == .backlogFull {
      // Repetitions get their answers all the same, and there may be room for some.
      return []
    }
  }

  /// - Returns: nil: not in this transaction.
  private func accept(
    _ item: PaymentBatch.Item,
    by caller: Caller,
    _ gate: IdempotencyGate,
    in transaction: LibpqTransaction
  ) async throws -> BatchAnswer? {
    do {
      let fingerprint = try RequestFingerprint(of: item.payment)
      let answer = try await transaction.withSavepoint {
        try await gate.answer(item.key, fingerprint, in: transaction) {
          try await create(item.payment, by: caller, in: transaction)
        }
      }
      return BatchAnswer(answer, item.key.key)
    } catch let taken as OrderTaken {
      return BatchAnswer(taken.problem, item.key.key)
    } catch let problem as ProblemError {
      return problem.kind == .keyInUse ? nil : BatchAnswer(problem, item.key.key)
    } catch let error as LibpqError where error.sqlState != nil && error.code != .cancelled {
      return nil
    }
  }

  private func acceptAlone(
    _ entry: PaymentBatch.Entry,
    by caller: Caller,
    until deadline: ContinuousClock.Instant
  ) async throws -> BatchAnswer {
    do {
      let item = try entry.item.get()
      guard ContinuousClock.now < deadline else { throw ProblemError(.unavailable, "Repeat it, with the same key.") }
      return BatchAnswer(try await accept(item.payment, item.key, by: caller), item.key.key)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      return BatchAnswer(ProblemError(answering: error), entry.key)
    }
  }
}
