import Synchronization

/// Our end of a child's standard input, and what the kernel closes when this process ends.
final class ChildInput: Sendable {
  /// nil once closed.
  private let descriptor: Mutex<Descriptor?>

  init(_ descriptor: consuming Descriptor) {
    self.descriptor = Mutex(descriptor)
  }

  /// Blocks while the child reads nothing and the channel is full.
  /// - Returns: whether all was taken.
  func write(_ text: String) -> Bool {
    descriptor.withLock { descriptor in
      guard let open = descriptor.take() else { return false }
      let isTaken = open.send(text)
      descriptor = consume open
      return isTaken
    }
  }

  func close() {
    descriptor.withLock { $0 = nil }
  }
}
