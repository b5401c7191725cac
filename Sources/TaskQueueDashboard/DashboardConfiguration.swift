/// How a dashboard looks and what it lets people do.
public struct DashboardConfiguration: Sendable {
  /// Stands in the head of each page, such as `payments · production`; empty: nothing.
  public var title = ""
  /// Nobody changes anything here, whatever their role.
  public var isReadOnly = false
  /// Whether payloads, results, headers and the values of steps and effects are shown to those who ask for them. They are never shown without being asked
  /// for. Off by default: they may hold what only few should see.
  public var showsPayloads = false
  /// Pages and answers that are made at the same time; more are answered with 503 and `Retry-After`. At least 1.
  public var maxInFlight = 16
  /// What comes before the dashboard's paths in the addresses that people use, where something in front of this server changes it: `/ops/queue`, without a
  /// slash at its end. nil: what the request has.
  public var publicPath: String?
  /// Host names that this server answers to, without ports, such as `localhost` and `127.0.0.1`; nil: all. To be set where everybody who can reach the
  /// dashboard may use it: it keeps pages of other sites out whose name was made to lead here.
  public var hosts: [String]?
  /// Origins of pages that may act besides the one asked for, such as `https://ops.example`, where something in front changes the `Host`.
  public var origins: [String] = []
  /// Signs the tokens of forms: 32 random bytes, the same in all processes that answer under one address. nil: random, for this process alone.
  public var secret: [UInt8]?

  public init() {}

  /// `DashboardConfiguration.with { $0.title = "payments" }`.
  public static func with(_ change: (inout DashboardConfiguration) -> Void) -> DashboardConfiguration {
    var configuration = DashboardConfiguration()
    change(&configuration)
    return configuration
  }
}
