import Libpq
@_spi(Store) import TaskQueue

/// Lets flows that record steps at the same time share statements and commits.
///
/// A group passes over tasks whose rows are locked; those are recorded by themselves then, and wait.
final class StepGroups: Sendable {
  /// As for enqueues: one group commits while the next one is gathered.
  static let maxGroups = 2
  static let maxSteps = 1_000
  static let maxBytes = 1024 * 1024
  static let maxWaiters = 10_000
  /// Of a statement that meets serialization failures, where `default_transaction_isolation` is serializable.
  static let maxAttempts = 10

  /// What became of a step in a group.
  private enum Recording: Sendable {
    case recorded
    case lost
    /// Another session has locked the task.
    case busy
  }

  private let groups: CallGroups<StepRecord, Recording>
  private let template: StoreStatements.Template

  init(pool: LibpqPool, template: StoreStatements.Template) {
    self.template = template
    groups = CallGroups(
      pool: pool,
      maxGroups: Self.maxGroups,
      maxMembers: Self.maxSteps,
      maxWeight: Self.maxBytes,
      maxWaiters: Self.maxWaiters,
      weight: \.weight,
      perform: { await Self.record($0, template, on: $1, for: $2) }
    )
  }

  /// - Parameter alone: records the step by itself, and waits for a locked row.
  /// - Returns: false: the claim has lost the task.
  func record(
    _ record: StepRecord,
    alone: (LibpqStatement) async throws(TaskQueueError) -> LibpqResult
  ) async throws(TaskQueueError) -> Bool {
    switch try await groups(record) {
    case .recorded: return true
    case .lost: return false
    case .busy:
      let statement = template([record].parameters + [.bool(true), .bool(record.repeats)])
      let result = try await alone(statement)
      do { return try result[0].isNull(0) } catch { throw TaskQueueError(error, .safe) }
    }
  }

  /// One outcome per step. Where the server refuses one, nothing was recorded; the halves are then tried by themselves, so that in the end only
  /// those fail that are refused alone.
  private static func record(
    _ records: [StepRecord],
    _ template: StoreStatements.Template,
    on connection: LibpqConnection,
    for interest: SharedInterest?,
    attempt: Int = 1
  ) async -> [Result<Recording, TaskQueueError>] {
    let repeats = records.contains(where: \.repeats)
    let statement = template(records.parameters + [.bool(false), .bool(repeats)])
    let failure: LibpqError
    do throws(LibpqError) {
      let result =
        if let interest {
          try await connection.query(statement, interruptedBy: interest.interrupter)
        } else {
          try await connection.query(statement)
        }
      return try outcomes(result, count: records.count)
    } catch {
      failure = error
    }
    if failure.sqlState == "40001", !failure.isOutcomeUnknown, attempt < maxAttempts {
      return await record(records, template, on: connection, for: interest, attempt: attempt + 1)
    }
    let isRefusal =
      !failure.isOutcomeUnknown && (failure.code == .invalidArgument || failure.code == .server && !failure.isRetrySafe)
    guard isRefusal, records.count > 1 else {
      // Recording a step again changes nothing.
      return Array(repeating: .failure(TaskQueueError(failure, .safe)), count: records.count)
    }
    let half = records.count / 2
    return await record(Array(records[..<half]), template, on: connection, for: interest)
      + record(Array(records[half...]), template, on: connection, for: interest)
  }

  private static func outcomes(
    _ result: LibpqResult,
    count: Int
  ) throws(LibpqError) -> [Result<Recording, TaskQueueError>] {
    guard let letters = try result[0].optionalText(0) else {
      return Array(repeating: .success(.recorded), count: count)
    }
    return letters.utf8.map { letter in
      switch letter {
      case UInt8(ascii: "r"): .success(.recorded)
      case UInt8(ascii: "b"): .success(.busy)
      default: .success(.lost)
      }
    }
  }
}
