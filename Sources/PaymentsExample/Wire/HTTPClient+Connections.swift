package import AsyncHTTPClient

extension HTTPClient.Configuration {
  /// For so many requests to one server at a time; the standard 8 would let the others wait. Follows no redirect: a request
  /// that moves money goes where it was sent, or nowhere. A connection that is refused is an error at once: who asked knows better when to
  /// try again than the client, which would wait longer each time.
  package static func connections(_ connections: Int) -> Self {
    var configuration = Self()
    configuration.redirectConfiguration = .disallow
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, connections)
    return configuration
  }
}
