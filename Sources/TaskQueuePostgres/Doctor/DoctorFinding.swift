/// Something amiss in a database, found by ``Doctor``, with its cure.
public struct DoctorFinding: Hashable, Sendable, CustomStringConvertible {
  /// What kind of thing is amiss. Kinds may be added in minor versions.
  public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// There is no such schema.
    public static let schemaMissing = Kind(rawValue: "schema_missing")
    /// It has fewer versions than this program, or lacks what a version brings.
    public static let schemaOutdated = Kind(rawValue: "schema_outdated")
    /// It does not work with programs as old as this one.
    public static let programOutdated = Kind(rawValue: "program_outdated")
    /// A table, view or column is gone, or a trigger is off.
    public static let schemaDrift = Kind(rawValue: "schema_drift")
    /// A function is not as its file says.
    public static let functionDrift = Kind(rawValue: "function_drift")
    public static let indexMissing = Kind(rawValue: "index_missing")
    /// The planner does not use it, or a build of it was interrupted.
    public static let indexInvalid = Kind(rawValue: "index_invalid")
    /// The role lacks privileges of a worker.
    public static let privileges = Kind(rawValue: "privileges")
    /// A role that `grant_worker`, `grant_operator` or `grant_enqueuer` let in lacks some of what that gives now.
    public static let grantIncomplete = Kind(rawValue: "grant_incomplete")
    /// Row security hides tasks.
    public static let rowSecurity = Kind(rawValue: "row_security")
    public static let encoding = Kind(rawValue: "encoding")
    /// A setting with which workers cannot work.
    public static let setting = Kind(rawValue: "setting")
    /// The role does not see other roles' sessions, so some of the rest may go unnoticed.
    public static let limitedView = Kind(rawValue: "limited_view")
    /// A table or index is much bigger than its rows need.
    public static let bloat = Kind(rawValue: "bloat")
    /// More dead rows than live ones: vacuum does not keep up.
    public static let deadRows = Kind(rawValue: "dead_rows")
    /// Something keeps vacuum from removing dead rows.
    public static let vacuumHeldBack = Kind(rawValue: "vacuum_held_back")
    public static let autovacuumOff = Kind(rawValue: "autovacuum_off")
    /// The connection goes through a pooler that lends a server for a transaction only.
    public static let pooler = Kind(rawValue: "pooler")
    /// What was committed may be lost in a crash.
    public static let commitSetting = Kind(rawValue: "commit_setting")
    public static let clockSkew = Kind(rawValue: "clock_skew")
    /// Due tasks of a queue that no worker serves.
    public static let queueUnserved = Kind(rawValue: "queue_unserved")
    /// Due tasks of a type for which no worker of their queue has a handler.
    public static let typeUnserved = Kind(rawValue: "type_unserved")
    /// Every attempt of a type failed lately.
    public static let typeFailing = Kind(rawValue: "type_failing")
    /// Workers of one queue know different types, or say different versions.
    public static let workersDiffer = Kind(rawValue: "workers_differ")
    public static let lockTable = Kind(rawValue: "lock_table")
    /// A session that others have been waiting for.
    public static let blockingSession = Kind(rawValue: "blocking_session")
    public static let effectUnsettled = Kind(rawValue: "effect_unsettled")
    public static let scheduleLate = Kind(rawValue: "schedule_late")
    /// A schedule whose rule cannot be read.
    public static let scheduleBroken = Kind(rawValue: "schedule_broken")
    public static let connections = Kind(rawValue: "connections")
  }

  /// How much it matters; ascending.
  public enum Severity: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
    /// Worth knowing.
    case note
    /// It will hurt.
    case warning
    /// It hurts now: tasks do not run, or may be lost.
    case error

    public static func < (lhs: Severity, rhs: Severity) -> Bool { lhs.rawValue < rhs.rawValue }
    public var description: String {
      switch self {
      case .note: "note"
      case .warning: "warning"
      case .error: "error"
      }
    }
  }

  public var kind: Kind
  public var severity: Severity
  /// The object, process, queue or schedule; empty: the database as a whole.
  public var subject: String
  /// What is amiss, in sentences. Never a payload, a statement of others or a password.
  public var what: String
  /// What to do about it, in sentences.
  public var advice: String
  /// The cure to be pasted: SQL for psql, or commands for a shell, one a line. To be read first: some end sessions or drop things.
  public var cure: [String]

  public init(
    _ kind: Kind,
    _ severity: Severity,
    _ subject: String = "",
    what: String,
    advice: String,
    cure: [String]
  ) {
    self.kind = kind
    self.severity = severity
    self.subject = subject
    self.what = what
    self.advice = advice
    self.cure = cure
  }

  public var description: String { "\(what) \(advice)" }
}
