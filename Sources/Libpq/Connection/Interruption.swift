import Synchronization

/// Tells the connection's thread that the task that waits for it was cancelled.
final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)
  private let wakeUp: WakeUp

  init(_ wakeUp: WakeUp) { self.wakeUp = wakeUp }

  var isRequested: Bool { flag.load(ordering: .acquiring) }

  func request() {
    flag.store(true, ordering: .releasing)
    wakeUp.signal()
  }
}
