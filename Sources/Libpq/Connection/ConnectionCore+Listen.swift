import CLibpq
import Synchronization

extension ConnectionCore {
  /// Listens and blocks this connection's thread until `interruption`, close or loss; always throws at the end.
  func listen(
    _ channels: [String],
    _ interruption: Interruption,
    _ onListening: @Sendable () -> Void,
    _ onNotification: @Sendable (LibpqNotification) -> Void
  ) throws(LibpqError) {
    var script = ""
    for channel in channels { script += "LISTEN \(try LibpqIdentifier.quotedIdentifier(channel));" }
    try executeListening(script, interruption, within: configuration.connectTimeout)
    onListening()
    while true {
      deliverNotifications(onNotification)
      if interruption.isRequested || isClosing.load(ordering: .acquiring) { break }
      switch poll(reading: true, writing: false, until: .now + configuration.listenProbeInterval) {
      case .woken: continue
      case .ready:
        guard PQconsumeInput(handle.pointer) == 1, PQstatus(handle.pointer) == CONNECTION_OK else { throw deaf() }
      case .deadlinePassed:
        try executeListening("", interruption, within: configuration.cancelTimeout)
      }
    }
    guard interruption.isRequested else {
      finish()
      throw LibpqError(.connectionLost, "the connection was closed", isOutcomeUnknown: false)
    }
    // A server that doesn't answer at once must not hold up the end: the connection is closed then.
    try? executeListening("UNLISTEN *", nil, within: Self.unlistenTimeout)
    throw LibpqError(.cancelled, "the task that listens was cancelled")
  }

  private static var unlistenTimeout: Duration { .milliseconds(250) }

  private func deliverNotifications(_ onNotification: @Sendable (LibpqNotification) -> Void) {
    while let notify = PQnotifies(handle.pointer) {
      let notification = LibpqNotification(
        channel: notify.pointee.relname.map { String(cString: $0) } ?? "",
        payload: notify.pointee.extra.map { String(cString: $0) } ?? "",
        backendProcessID: notify.pointee.be_pid
      )
      PQfreemem(notify)
      onNotification(notification)
    }
  }

  /// Runs a statement that changes no data. Without an answer in time, or when the caller is cancelled meanwhile, the connection is closed.
  ///
  /// An empty statement is the probe: a peer that vanished silently sends nothing, so ask now and then; it costs the server next to nothing.
  private func executeListening(
    _ sql: String,
    _ interruption: Interruption?,
    within limit: Duration
  ) throws(LibpqError) {
    var exchange = try begin(interruption)
    exchange.isCancellable = false
    exchange.isLeftAtOnce = true
    exchange.isInTransactionBlock = true
    exchange.deadline = .after(limit)
    guard PQsendQuery(handle.pointer, sql) == 1 else { throw sendFailure(exchange) }
    let collected = try collect(&exchange)
    end(exchange)
    if let error = collected.error { throw error }
  }

  private func deaf() -> LibpqError {
    // The server's farewell, if there was one, is parsed by now.
    var error = LibpqError(.connectionLost, connection: handle.pointer)
    error.isOutcomeUnknown = false
    finish()
    return error
  }
}
