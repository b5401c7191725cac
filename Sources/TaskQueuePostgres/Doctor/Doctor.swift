import Libpq
public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Looks a database over for what keeps tasks from running, slows them down or may lose them, and says how to mend it.
///
/// ```swift
/// let report = try await Doctor(.init(LibpqConfiguration(url))).examine()
/// for finding in report.findings { print(finding.severity, finding) }
/// ```
///
/// Reads only, each look in a read-only transaction of its own that waits 2 s for a lock and runs for 10 s at most. Counts are bounded and
/// sizes are estimates of catalogs and statistics, so it may be run beside anything. Works on a hot standby. A role with `pg_monitor` sees
/// most; what another one may not look at is told as skipped.
public struct Doctor: Sendable {
  /// Longest time of one statement.
  static let statementTimeout: Duration = .seconds(10)
  static let lockTimeout: Duration = .seconds(2)

  public let configuration: PostgresStoreConfiguration
  /// Whose privileges are looked at; nil: the session's own role, which need not be a worker's.
  public var workerRole: String?
  public var thresholds = DoctorThresholds()
  /// This machine's clock.
  var now: @Sendable () -> Date = { Date() }

  /// - Throws: `invalidName`, `invalidConfiguration`.
  public init(_ configuration: PostgresStoreConfiguration = .init(), workerRole: String? = nil) throws(TaskQueueError) {
    try configuration.validate()
    self.configuration = configuration
    self.workerRole = workerRole
  }

  /// - Parameter progress: called with the name of each examination before it begins.
  /// - Throws: `storeFailed` if the database could not be reached, or the connection was lost.
  public func examine(progress: (String) -> Void = { _ in }) async throws(TaskQueueError) -> DoctorReport {
    let schema = try SchemaName(configuration.schema)
    var settings = configuration.connection
    settings.statementTimeout = Self.statementTimeout
    settings.preparesStatements = false
    let connection: LibpqConnection
    do { connection = try await LibpqConnection.connect(settings) } catch { throw TaskQueueError(error, .safe) }
    let patient = Patient(
      connection: connection,
      settings: settings,
      schema: schema,
      scripts: .current,
      thresholds: thresholds,
      workerRole: workerRole,
      now: now
    )
    let result: Result<DoctorReport, any Error>
    do { result = .success(try await examine(patient, progress)) } catch { result = .failure(error) }
    await connection.close()
    do { return try result.get() } catch let error as LibpqError { throw TaskQueueError(error, .safe) } catch {
      throw error as? TaskQueueError
        ?? TaskQueueError(.storeFailed, "The database could not be examined.", underlying: error)
    }
  }

  private func examine(_ patient: Patient, _ progress: (String) -> Void) async throws -> DoctorReport {
    var report = try await patient.introduction()
    let isSchemaThere = try await patient.isSchemaUsable()
    for examination in Self.examinations {
      let name = type(of: examination).name
      guard isSchemaThere || !type(of: examination).needsSchema else {
        report.skipped.append(
          .init(
            examination: name,
            reason: "there is no schema \(patient.schema.quoted) of TaskQueue that the role may use"
          )
        )
        continue
      }
      progress(name)
      do {
        report.findings += try await examination.findings(patient)
        report.examinations.append(name)
      } catch let error as LibpqError where error.code == .server || error.code == .timeout {
        // Not allowed, not there, or too slow: the others may be. The server's words, which quote no data of these statements.
        report.skipped.append(.init(examination: name, reason: error.message))
      }
    }
    report.findings = report.findings.enumerated().sorted { left, right in
      left.element.severity == right.element.severity
        ? left.offset < right.offset : left.element.severity > right.element.severity
    }.map(\.element)
    return report
  }

  private static let examinations: [any Examination] = [
    EnvironmentExamination(), SchemaExamination(), GrantExamination(), WorkerExamination(), AttemptExamination(),
    EffectExamination(), ScheduleExamination(), LockExamination(), VacuumExamination(), BloatExamination(),
    SettingsExamination(), ConnectionExamination(),
    PoolerExamination(), ClockExamination(),
  ]
}
