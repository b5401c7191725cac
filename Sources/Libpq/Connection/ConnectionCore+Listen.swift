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
    _ = try executeScript(script, interruption)
    onListening()
    while true {
      deliverNotifications(onNotification)
      if interruption.isRequested || isClosing.load(ordering: .acquiring) { break }
      switch poll(reading: true, writing: false, until: .now + configuration.listenProbeInterval) {
      case .woken: continue
      case .ready:
        guard PQconsumeInput(handle.pointer) == 1, PQstatus(handle.pointer) == CONNECTION_OK else { throw deaf() }
      case .deadlinePassed:
        try probe()
      }
    }
    guard interruption.isRequested else {
      finish()
      throw LibpqError(.connectionLost, "the connection was closed", isOutcomeUnknown: false)
    }
    _ = try executeScript("UNLISTEN *", nil)
    throw LibpqError(.cancelled, "the task that listens was cancelled")
  }

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

  /// A peer that vanished silently sends nothing, so ask now and then; an empty statement costs the server next to nothing.
  private func probe() throws(LibpqError) {
    var exchange = try begin(nil)
    exchange.isCancellable = false
    exchange.isInTransactionBlock = true
    exchange.deadline = .now + configuration.cancelTimeout
    guard PQsendQuery(handle.pointer, "") == 1 else { throw sendFailure(exchange) }
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
