import Synchronization

/// Whether the demo ended well; nil while it hasn't ended.
final class DemoResult: Sendable {
  private let state = Mutex<Bool?>(nil)

  var value: Bool? {
    self.state.withLock { $0 }
  }

  func set(_ isRight: Bool) {
    self.state.withLock { $0 = isRight }
  }
}
