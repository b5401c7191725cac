/// Why a private cluster could not be found, started or restarted.
public struct EmbeddedPostgresError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure. More may be added: keep a default case when switching over one.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// No directory with `initdb`, `pg_ctl` and `postgres` was found.
    public static let serverNotInstalled = Code(description: "serverNotInstalled")

    /// The process runs as root, and there is no unprivileged user or tool to run the server with.
    public static let noUserToRunAs = Code(description: "noUserToRunAs")

    /// A setting's name or value cannot be written to `postgresql.conf`.
    public static let invalidSetting = Code(description: "invalidSetting")

    /// The server did not start, or could not do what it was told. The message ends with the last lines of its log.
    public static let startFailed = Code(description: "startFailed")

    /// The cluster was stopped before.
    public static let stopped = Code(description: "stopped")

    public let description: String
  }

  public var code: Code

  /// What failed and what to do about it, for people.
  public var message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "\(code): \(message)" }
}
