import HTTPTypes
public import Hummingbird

/// Says who sends a request. There is no dashboard without one.
///
/// ```swift
/// // People that the app knows already:
/// let authenticator = DashboardAuthenticator(signIn: "/login") { (request: Request, context: AppContext) in
///   guard let user = context.user, user.isStaff else { return nil }
///   return DashboardIdentity(user.email, role: user.isOnCall ? .act : .read)
/// }
/// ```
public struct DashboardAuthenticator: Sendable {
  /// Of an answer to somebody who is not known: the value of `WWW-Authenticate`; nil: none.
  let challenge: String?
  /// Where a person who is not known is sent; nil: nowhere.
  let signIn: String?
  let identify: @Sendable (Request, any RequestContext) async throws -> DashboardIdentity?

  /// - Parameters:
  ///   - challenge: the value of `WWW-Authenticate` for who is not known, such as `Basic realm="tasks"`.
  ///   - signIn: a page of the app where people who are not known are sent instead.
  ///   - identify: who sends the request; nil: nobody that may see it. Asked before anything is read. A context of another type than its parameter's
  ///     belongs to nobody. What it throws is answered with 503, and logged.
  public init<Context: RequestContext>(
    challenge: String? = nil,
    signIn: String? = nil,
    _ identify: @escaping @Sendable (Request, Context) async throws -> DashboardIdentity?
  ) {
    self.challenge = challenge
    self.signIn = signIn
    self.identify = { request, context in
      guard let context = context as? Context else { return nil }
      return try await identify(request, context)
    }
  }

  /// Names and passwords by HTTP's basic authentication. Only behind TLS, or on this machine: the password goes with each request.
  ///
  /// A right password is remembered in memory by its MAC; a wrong one costs a derivation, of which at most
  /// ``DashboardUser/maxDerivations`` run at a time: more are answered with 503.
  public static func basic(_ users: [DashboardUser], realm: String = "TaskQueue") -> DashboardAuthenticator {
    let passwords = PasswordCheck(users)
    let realm = realm.filter { $0.isASCII && !$0.isNewline && $0 != "\"" && $0 != "\\" }
    return DashboardAuthenticator(
      challenge: "Basic realm=\"\(realm)\", charset=\"UTF-8\"",
      erased: { request, _ in
        try await passwords.identity(request.headers[.authorization])
      }
    )
  }

  /// Everybody who can reach the dashboard, by this name: for a development machine, where it listens at the loopback interface alone.
  public static func everybody(as identity: DashboardIdentity) -> DashboardAuthenticator {
    DashboardAuthenticator(erased: { _, _ in identity })
  }

  private init(
    challenge: String? = nil,
    erased identify: @escaping @Sendable (Request, any RequestContext) async throws -> DashboardIdentity?
  ) {
    self.challenge = challenge
    signIn = nil
    self.identify = identify
  }
}
