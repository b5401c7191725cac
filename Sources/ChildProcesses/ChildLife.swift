import Dispatch
import Foundation
import Synchronization

/// Whether a child still runs. Its only parent: collects its exit, and sends signals to it only until then, since another
/// process may have its id afterwards.
final class ChildLife: Sendable {
  let id: pid_t
  private let exit = Mutex<ProcessExit?>(nil)
  /// Left when ``exit`` is known.
  private let end = DispatchGroup()

  init(_ id: pid_t) {
    self.id = id
    end.enter()
    Thread.detachNewThread { self.watch() }
  }

  /// nil while it runs.
  var status: ProcessExit? { exit.withLock { $0 } }

  func send(_ signal: Int32) {
    exit.withLock { exit in
      if exit == nil { _ = kill(id, signal) }
    }
  }

  /// Blocks.
  /// - Returns: whether it has ended.
  func wait(until deadline: DispatchTime) -> Bool {
    end.wait(timeout: deadline) == .success
  }

  private func watch() {
    // Told of the end, but not yet collected: until the lock is held, nobody else can have this id.
    var info = siginfo_t()
    while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
    exit.withLock { exit in
      var status: Int32 = 0
      exit = waitpid(id, &status, 0) == id ? ProcessExit(waitStatus: status) : .forgotten
    }
    end.leave()
  }
}
