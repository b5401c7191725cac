/// What ``Doctor`` found.
public struct DoctorReport: Sendable {
  /// Something that could not be looked at.
  public struct Skipped: Hashable, Sendable {
    public var examination: String
    /// Such as a privilege that the role lacks.
    public var reason: String
  }

  /// The gravest first.
  public var findings: [DoctorFinding]
  /// What was looked at, in words.
  public var examinations: [String]
  public var skipped: [Skipped]
  /// As the server tells it, such as `15.18`.
  public var serverVersion: String
  public var database: String
  public var role: String
  /// A hot standby: only read from.
  public var isStandby: Bool

  /// nil: nothing was found.
  public var worst: DoctorFinding.Severity? { findings.map(\.severity).max() }
}
