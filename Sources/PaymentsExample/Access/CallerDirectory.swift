import HTTPTypes
package import Libpq
import Synchronization
import TaskQueueHTTP

/// Knows the callers by their keys, from memory: no request costs a statement.
///
/// The keys are read anew when they are older than ``freshness``, by one request while the others go by the old ones. So a
/// revoked key works for 5 seconds more in each process, and at most 10 while the database is slow. A key that isn't known
/// has them read anew at most once per ``missInterval``: a new one works at once, and guessing costs the database nothing.
package final class CallerDirectory: Sendable {
  package static let freshness = Duration.seconds(5)
  static let missInterval = Duration.milliseconds(250)
  private static let unknown = APIKey().hash

  private struct Keys {
    var keys: [String: APIKeyStore.Live]
    var areThereAny: Bool
    /// Before they were asked for.
    var readAt: ContinuousClock.Instant
  }

  private struct State {
    var keys: Keys?
    /// When somebody began to read them.
    var askedAt: ContinuousClock.Instant?
  }

  private let pool: LibpqPool
  /// Else ``Caller/local`` is let in while there are none.
  private let needsKeys: Bool
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  package init(
    pool: LibpqPool,
    needsKeys: Bool,
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.pool = pool
    self.needsKeys = needsKeys
    self.clock = clock
  }

  /// Who sends a request with this `Authorization` header.
  /// - Throws: ``ProblemError`` `missing-key` or `unknown-key`; `LibpqError` if the keys can't be read.
  func caller(_ authorization: String?) async throws -> Caller {
    var keys = try await keys(atMost: Self.freshness)
    // Somebody has been given a key: the first one may be new.
    if !keys.areThereAny, APIKey(authorization: authorization ?? "") != nil {
      keys = try await self.keys(atMost: .zero)
    }
    if !needsKeys, !keys.areThereAny { return .local }
    guard let authorization else { throw ProblemError.unauthenticated(.missingKey) }
    guard let key = APIKey(authorization: authorization) else { throw ProblemError.unauthenticated(.unknownKey) }
    if let caller = find(key, keys) { return caller }
    keys = try await self.keys(atMost: Self.missInterval)
    guard let caller = find(key, keys) else { throw ProblemError.unauthenticated(.unknownKey) }
    return caller
  }

  private func find(_ key: APIKey, _ keys: Keys) -> Caller? {
    let live = keys.keys[key.id]
    // Compared also if there is none, so that the time doesn't tell which ids there are.
    guard key.fits(live?.hash ?? Self.unknown), let live else { return nil }
    if let remaining = live.remaining, clock() >= keys.readAt + remaining { return nil }
    return live.caller
  }

  private func keys(atMost age: Duration) async throws -> Keys {
    let now = clock()
    let known: Keys? = state.withLock { state in
      if let keys = state.keys, let askedAt = state.askedAt {
        let isFresh = now - keys.readAt < age
        let isBeingRead = now - askedAt < age && now - keys.readAt < Self.freshness * 2
        if isFresh || isBeingRead { return keys }
      }
      state.askedAt = now
      return nil
    }
    if let known { return known }
    let (keys, areThereAny) = try await APIKeyStore.live(in: pool)
    let read = Keys(keys: keys, areThereAny: areThereAny, readAt: now)
    state.withLock { state in
      if let newer = state.keys, newer.readAt > now { return }
      state.keys = read
    }
    return read
  }
}

extension ProblemError {
  /// With the challenge of RFC 6750.
  static func unauthenticated(_ kind: ProblemKind) -> ProblemError {
    var error = ProblemError(kind, "Send `Authorization: Bearer` with a key of `payments keys add`.")
    error.fields[.wwwAuthenticate] =
      "Bearer realm=\"payments\"" + (kind == .unknownKey ? ", error=\"invalid_token\"" : "")
    return error
  }

  static func insufficientScope(_ scope: CallerScope) -> ProblemError {
    var error = ProblemError(.insufficientScope, "The key doesn't have the scope \(scope.rawValue).")
    error.fields[.wwwAuthenticate] =
      "Bearer realm=\"payments\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
    return error
  }
}
