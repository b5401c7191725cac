import HTTPTypes
import Hummingbird
import NIOCore
import TaskQueueHTTP

/// What a request has to pass before an operation sees it: it comes from no other site, its sender has a key for it, and
/// doesn't send too many.
struct RequestGate: Sendable {
  let callers: CallerDirectory
  let sites: SiteCheck
  /// For each caller with a key; nil: none.
  let callerLimit: RateLimiter?
  /// For each address, of requests without a key that is known; nil: none.
  let addressLimit: RateLimiter?

  /// - Parameter access: nil: there is no such operation.
  /// - Throws: what it may not pass by, before anything else of it is looked at.
  func check(_ head: HTTPRequest, _ access: APIOperation.Access?) throws(ProblemError) {
    try sites.check(head, allowsNoHost: access == .open, allowsAnyHost: access == .signed)
  }

  /// - Returns: who sends it, and what the operation answered.
  /// - Throws: what it may not pass by, and what the operation throws.
  func answer(
    _ request: Request,
    by channel: any Channel,
    _ operation: APIOperation,
    _ path: [String: String]
  ) async throws -> Response {
    let address = channel.remoteAddress
    switch operation.access {
    case .open:
      try admit(address)
      return try await operation.handle(APIRequest(request: request, path: path))
    case .signed:
      // Only failures count: what others send from the same address doesn't keep the provider's callbacks away.
      do {
        return try await operation.handle(APIRequest(request: request, path: path))
      } catch let error as SignatureError {
        try admit(address)
        throw error
      }
    case .key(let scope):
      let caller = try await caller(request, address)
      guard caller.scopes.contains(scope) else { throw ProblemError.insufficientScope(scope) }
      let counted = APIRequest(request: request, path: path, caller: caller, channel: channel) {
        try count(caller, address, $0)
      }
      return try await operation.handle(counted)
    }
  }

  private func caller(_ request: Request, _ address: SocketAddress?) async throws -> Caller {
    let caller: Caller
    do { caller = try await callers.caller(request.headers[.authorization]) } catch let error as ProblemError {
      try admit(address)
      throw error
    }
    try count(caller, address, 1)
    return caller
  }

  private func count(_ caller: Caller, _ address: SocketAddress?, _ requests: Int) throws {
    if caller == .local { try admit(address, requests) } else { try callerLimit?.admit(caller.name, requests) }
  }

  private func admit(_ address: SocketAddress?, _ requests: Int = 1) throws {
    try addressLimit?.admit(RateLimiter.name(ipAddress: address?.ipAddress), requests)
  }
}
