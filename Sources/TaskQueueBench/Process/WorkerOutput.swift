import Foundation
import Synchronization

/// The standard output of a worker process, which its parent reads.
final class WorkerOutput: Sendable {
  private let handled = Atomic<Int>(0)
  private let baseline = Mutex(0.0)

  func countHandled() { handled.add(1, ordering: .relaxed) }

  /// One write of less than a pipe's atomic size, so that lines don't mix.
  func tell(_ event: WorkerEvent) {
    try? FileHandle.standardOutput.write(contentsOf: Data((event.line + "\n").utf8))
  }

  /// CPU time counts from here.
  func begin() { baseline.withLock { $0 = ProcessUsage.current().cpuSeconds } }

  func tellUsage() {
    var usage = ProcessUsage.current()
    usage.cpuSeconds -= baseline.withLock { $0 }
    tell(.usage(usage))
  }

  /// Tells how many were handled when that has changed, 200 times a second at most. Never returns.
  func follow() -> Never {
    var told = 0
    while true {
      let count = handled.load(ordering: .relaxed)
      if count != told {
        told = count
        tell(.handled(count))
      }
      usleep(5_000)
    }
  }
}
