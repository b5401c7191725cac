import HTTPTypes
import Hummingbird
import Logging
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What each request passes, in this order: the host, the gate of pages, the authenticator, for one that acts the role, the sender's site and the form's
/// token; then its page. Answers everything, errors too.
struct DashboardResponder: Sendable {
  let pages: DashboardPages
  let api: DashboardAPI
  let actions: ActionDesk
  let authenticator: DashboardAuthenticator
  let configuration: DashboardConfiguration
  let renderer: PageRenderer
  let sites: SiteRule
  let tokens: FormToken
  let gate: InFlightGate
  /// Until the body of a request has come.
  let maxBodyTime: Duration

  /// Bytes of a form or of a JSON body.
  static let maxBodyBytes = 64 * 1_024

  func respond(to request: Request, context: some RequestContext, below depth: Int) async -> Response {
    let isHead = request.method == .head
    let (base, path) = Self.split(request.uri.path, below: depth)
    var visit = Visit(
      identity: DashboardIdentity("", role: .read),
      base: configuration.publicPath ?? base,
      path: path ?? [],
      query: FormFields(),
      mayAct: false,
      mayShowPayloads: configuration.showsPayloads,
      now: Date(),
      token: ""
    )
    var response: Response
    do {
      try sites.checkHost(request.head)
      guard path != nil else { throw Refusal.notFound }
      if let asset = try DashboardAsset.response(visit.path, request) {
        response = asset
      } else {
        response = try await gate.pass { try await answer(request, context, &visit) }
      }
    } catch {
      response = refuse(error, request, context, visit)
    }
    SafeHeaders.add(to: &response.headers)
    return isHead ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request, _ context: some RequestContext, _ visit: inout Visit) async throws -> Response
  {
    guard let identity = try await identity(request, context) else { throw Refusal.notSignedIn }
    visit.identity = identity
    visit.mayAct = identity.role.mayAct && !configuration.isReadOnly
    visit.query = try FormFields(urlEncoded: request.uri.query ?? "")
    let isAPI = visit.path.starts(with: DashboardAPI.path)
    guard let methods = Self.methods(visit.path) else { throw Refusal.notFound }
    guard methods.contains(request.method) else {
      throw Refusal.methodNotAllowed(methods.map(\.rawValue).joined(separator: ", "))
    }
    if request.method == .post {
      try sites.checkOrigin(request.head)
      guard !configuration.isReadOnly else { throw Refusal.readOnly }
      guard identity.role.mayAct else { throw Refusal.mayNotAct }
    } else if visit.mayAct, !isAPI {
      visit.token = tokens.make(for: identity, now: visit.now)
    }
    if isAPI { return try await api.respond(to: request, visit) }
    guard request.method == .post else {
      return renderer.response(try await pages.page(for: visit), visit)
    }
    let body = String(decoding: try await Self.body(request, within: maxBodyTime).readableBytesView, as: UTF8.self)
    let form = try FormFields(urlEncoded: body)
    visit.sentFrom = form["back"].map(Self.path)
    guard let token = form["token"], tokens.isValid(token, for: identity, now: visit.now) else { throw Refusal.oldForm }
    let report = try await actions.perform(form, by: identity)
    return Self.seeOther(visit.base + Self.back(form["back"], report))
  }

  /// What can be done with a path; nil: there is none.
  private static func methods(_ path: [String]) -> [HTTPRequest.Method]? {
    if path == ActionDesk.path { return [.post] }
    if path.starts(with: DashboardAPI.path) {
      return DashboardAPI.methods(Array(path.dropFirst(DashboardAPI.path.count)))
    }
    return DashboardPages.isThere(path) ? [.get, .head] : nil
  }

  private func identity(_ request: Request, _ context: some RequestContext) async throws -> DashboardIdentity? {
    do { return try await authenticator.identify(request, context) } catch let refusal as Refusal {
      throw refusal
    } catch {
      context.logger.warning("authenticator failed", metadata: ["error": "\(error)"])
      throw Refusal(
        .serviceUnavailable,
        "Nobody can sign in",
        "Who you are could not be learned. Try again in some seconds.",
        retryAfterSeconds: 5
      )
    }
  }

  private func refuse(_ error: any Error, _ request: Request, _ context: some RequestContext, _ visit: Visit)
    -> Response
  {
    let refusal = Refusal(error)
    if refusal == .internalError || refusal.status == .serviceUnavailable && error as? Refusal == nil {
      context.logger.warning("request failed", metadata: ["error": "\(error)"])
    }
    let isAPI = visit.path.starts(with: DashboardAPI.path)
    if refusal == .notSignedIn, !isAPI, request.method != .post, let signIn = authenticator.signIn {
      return Self.seeOther(signIn)
    }
    var response = isAPI ? api.problem(refusal) : renderer.response(refusal, visit)
    if refusal == .notSignedIn, let challenge = authenticator.challenge {
      response.headers[.wwwAuthenticate] = challenge
    }
    if let seconds = refusal.retryAfterSeconds { response.headers[.retryAfter] = "\(seconds)" }
    response.headers[.allow] = refusal.allow
    return response
  }

  // MARK: Addresses

  /// What comes before the dashboard's own path, made anew of its parts, so that it never begins with two slashes; and that path, decoded. nil:
  /// it cannot be decoded.
  static func split(_ path: String, below depth: Int) -> (base: String, path: [String]?) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    let base = parts.dropLast(min(depth, parts.count)).map { "/\($0)" }.joined()
    var decoded: [String] = []
    for part in parts.suffix(depth) {
      guard let text = FormFields.decoded(part, plusIsSpace: false) else { return (base, nil) }
      decoded.append(text)
    }
    return (base, decoded)
  }

  /// The page to go back to, with what was done; another site's address is none.
  static func back(_ address: String?, _ report: ActionReport) -> String {
    let halves = path(address ?? "/").split(separator: "?", maxSplits: 1)
    let query = try? FormFields(urlEncoded: halves.count > 1 ? String(halves[1]) : "")
    let fields = (query ?? FormFields()).with("said", report.said).with("n", report.count.map(String.init))
    return "\(halves.first ?? "/")\(fields.query)"
  }

  /// An address below the base; that of the first page for anything else, such as another site's.
  static func path(_ address: String) -> String {
    let isPath = address.hasPrefix("/") && !address.hasPrefix("//")
    let isPlain = address.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") }
    return isPath && isPlain ? address : "/"
  }

  static func seeOther(_ location: String) -> Response { Response(status: .seeOther, headers: [.location: location]) }

  /// Whoever sends it slowly keeps no place of the gate for long.
  static func body(_ request: Request, within time: Duration) async throws -> ByteBuffer {
    try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask {
        do { return try await request.body.collect(upTo: maxBodyBytes) } catch is NIOTooManyBytesError {
          throw Refusal.bodyTooLarge
        }
      }
      group.addTask {
        try await Task.sleep(for: time)
        throw Refusal.bodyTooSlow
      }
      defer { group.cancelAll() }
      return try await group.next() ?? ByteBuffer()
    }
  }
}
