import Libpq
@_spi(Store) import TaskQueue

/// A task's completion with the statements that are to commit with it.
struct Completion: Sendable {
  let claim: Claim
  let statements: [LibpqStatement]
}

/// Lets handlers that complete their tasks at the same time, each with statements of its own, share a round trip and a commit.
///
/// A group is all or nothing. If one claim has lost its task, a statement fails or takes too long, or the commit fails, nothing of it was done, and
/// each completion is made by itself, outside of the groups: nobody pays for another's failure but by the time it takes.
///
/// Only for statements that leave the transaction as it was: see ``StatementManner``.
final class CompletionGroups: Sendable {
  /// As for enqueues: one group commits while the next one is gathered.
  static let maxGroups = 2
  /// One alone has a round trip of its own; what more share a commit adds little from here on.
  static let maxCompletions = 100
  static let maxStatements = 1_000
  static let maxWaiters = 10_000
  /// The longest that a group waits for a lock. A completion by itself waits as long as the session lets it.
  static let lockTimeout = "250ms"
  /// The longest that one of a group's statements runs, likewise. Two that take long would else keep all others from completing.
  static let statementTimeout = "500ms"

  /// What became of a completion in a group.
  private enum Outcome: Sendable {
    case done(ArraySlice<LibpqResult>)
    /// To be made by itself.
    case refused
  }

  private let groups: CallGroups<Completion, Outcome>

  init(pool: LibpqPool, fence: StoreStatements.Template) {
    groups = CallGroups(
      pool: pool,
      maxGroups: Self.maxGroups,
      maxMembers: Self.maxCompletions,
      maxWeight: Self.maxStatements,
      maxWaiters: Self.maxWaiters,
      weight: \.statements.count,
      perform: { await Self.perform($0, fence, on: $1, for: $2) }
    )
  }

  /// - Returns: what the statements returned; nil: nothing was done, it is to be made by itself.
  /// - Throws: `outcomeUnknown` if the connection broke; `storeFailed` if there was none.
  func complete(_ completion: Completion) async throws(TaskQueueError) -> ArraySlice<LibpqResult>? {
    switch try await groups(completion) {
    case .done(let results): results
    case .refused: nil
    }
  }

  private static func perform(
    _ completions: [Completion],
    _ fence: StoreStatements.Template,
    on connection: LibpqConnection,
    for interest: SharedInterest?
  ) async -> [Result<Outcome, TaskQueueError>] {
    // Two groups lock in the same order, as far as it is that of the tasks.
    let order = completions.indices.sorted { completions[$0].claim.id < completions[$1].claim.id }
    let claims = order.map { completions[$0].claim }
    var statements = [
      fence(
        .int8Array(claims.map(\.id.rawValue)),
        .int8Array(claims.map(\.token)),
        .text(lockTimeout),
        .text(statementTimeout)
      )
    ]
    for index in order { statements += completions[index].statements }
    do throws(LibpqError) {
      var results = try await connection.pipeline(statements, interruptedBy: interest?.interrupter).dropFirst()
      var outcomes = [Result<Outcome, TaskQueueError>](repeating: .success(.refused), count: completions.count)
      for index in order {
        let count = completions[index].statements.count
        outcomes[index] = .success(.done(results.prefix(count)))
        results = results.dropFirst(count)
      }
      return outcomes
    } catch {
      // A lost connection, too: what ended it may have been one's statement.
      let isRefused = [.server, .invalidArgument, .timeout, .connectionLost].contains(error.code)
      let outcome: Result<Outcome, TaskQueueError> =
        isRefused && !error.isOutcomeUnknown ? .success(.refused) : .failure(TaskQueueError(error, .unsafe))
      return Array(repeating: outcome, count: completions.count)
    }
  }
}
