import TaskQueueHTTP

/// Where a server listens.
package struct ListenAddress: Equatable, Sendable {
  /// A name or an address.
  package var host: String
  /// 0: any free one.
  package var port: Int

  package init(host: String = "127.0.0.1", port: Int = 0) {
    self.host = host
    self.port = port
  }

  /// Whether only this machine reaches it.
  package var isLoopback: Bool { HostName(host).isLoopback }
}
