import CLibpq
import Synchronization

/// Why the server ended the session while no statement ran: libpq hands such a message over as a notice.
final class Farewell: Sendable {
  private let state = Mutex<String?>(nil)

  /// The SQLSTATE of the message; nil: there was none.
  var sqlState: String? { state.withLock { $0 } }

  /// Takes note of a notice if it is a session's end.
  func note(_ notice: OpaquePointer) {
    guard LibpqError.isFatal(notice) else { return }
    let sqlState = LibpqError.sqlState(of: notice) ?? ""
    state.withLock { $0 = sqlState }
  }
}
