import CLibpq
import DetachedThread
import Synchronization

/// One cancel request under way, on a thread of its own because libpq's call blocks on a network connection of its own.
final class CancelRequest: Sendable {
  private let finished = Atomic<Bool>(false)

  /// Whether the request has reached the server or failed. Only then may the connection take another statement: a late
  /// request would hit that one.
  var isFinished: Bool { finished.load(ordering: .acquiring) }

  /// Sends the request and signals `wakeUp` when that is done. Nil if it can't be sent.
  static func send(_ connection: OpaquePointer?, _ wakeUp: WakeUp) -> CancelRequest? {
    guard let cancel = PQgetCancel(connection) else { return nil }
    let request = CancelRequest()
    // Safety: the PGcancel is a copy of the connection's address and key; from here on only the new thread uses it.
    nonisolated(unsafe) let owned = cancel
    let isStarted = DetachedThread.spawn {
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
        _ = PQcancel(owned, message.baseAddress, Int32(message.count))
      }
      PQfreeCancel(owned)
      request.finished.store(true, ordering: .releasing)
      wakeUp.signal()
    }
    if !isStarted { PQfreeCancel(cancel) }
    return isStarted ? request : nil
  }
}
