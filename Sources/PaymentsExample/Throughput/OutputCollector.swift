import Foundation
import Synchronization

/// What a child process wrote.
final class OutputCollector: Sendable {
  private let state = Mutex((data: Data(), hasEnded: false))

  var text: String { self.state.withLock { String(decoding: $0.data, as: UTF8.self) } }
  var hasEnded: Bool { self.state.withLock { $0.hasEnded } }

  /// Nothing means the end.
  func add(_ data: Data) {
    self.state.withLock { state in
      state.data += data
      if data.isEmpty { state.hasEnded = true }
    }
  }
}
