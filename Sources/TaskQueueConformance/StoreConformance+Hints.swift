import Synchronization
@_spi(Store) import TaskQueue

@_spi(Store) extension StoreConformance {
  static let hints: [Check] = [
    Check("S22 a watcher is told to look at everything when it begins to listen") { probe in
      try await watching(probe) { _ in }
    },
    Check("S22 a watcher hears of new tasks in their queue") { probe in
      try await watching(probe) { log in
        try await probe.enqueue { $0.queue = "mail" }
        try await log.wait(for: .tasksAvailable("mail"))
      }
    },
    Check("S22 a watcher hears of released, redriven and run-now tasks and resumed queues") { probe in
      let id = try await probe.enqueue().id
      let delayed = try await probe.enqueue(StoreProbe.otherType) { $0.schedule = .after(.seconds(1_000)) }.id
      let dead = try await probe.bury("conformance.c")
      try await probe.store.pause("mail")
      try await watching(probe) { log in
        try await probe.settleHeld(try await probe.claimOnly(id), .release)
        try await log.wait(for: .tasksAvailable(.default))
        log.clear()
        _ = try await probe.store.redrive(.init(ids: [dead]))
        try await log.wait(for: .tasksAvailable(.default))
        log.clear()
        _ = try await probe.store.runNow(delayed, expectedAttempt: 0)
        try await log.wait(for: .tasksAvailable(.default))
        try await probe.store.resume("mail")
        try await log.wait(for: .tasksAvailable("mail"))
      }
    },
    Check("S24 a watcher hears of the cancellation of a running task") { probe in
      let id = try await probe.enqueue().id
      try await probe.claimOnly(id)
      try await watching(probe) { log in
        _ = try await probe.store.cancel(id)
        try await log.wait(for: .cancelRequested(id))
      }
    },
    Check("S22 every watcher is told, and watching ends on cancellation") { probe in
      try await watching(probe) { first in
        try await watching(probe) { second in
          try await probe.enqueue { $0.queue = "both" }
          try await first.wait(for: .tasksAvailable("both"))
          try await second.wait(for: .tasksAvailable("both"))
        }
        first.clear()
        try await probe.enqueue { $0.queue = "one left" }
        try await first.wait(for: .tasksAvailable("one left"))
      }
    },
  ]

  /// Watches during the body, which starts when the store listens; then cancels and waits for the watch to end.
  private static func watching(
    _ probe: StoreProbe,
    _ body: @Sendable (HintLog) async throws -> Void
  ) async throws {
    let log = HintLog()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await probe.store.watch { log.append($0) } }
      try await log.wait(for: .resync)
      try await body(log)
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}

/// The hints heard so far.
private final class HintLog: Sendable {
  private let hints = Mutex<Set<StoreHint>>([])

  func append(_ hint: StoreHint) { hints.withLock { _ = $0.insert(hint) } }
  func clear() { hints.withLock { $0 = [] } }

  /// Hints come from elsewhere, so this polls; the deadline is far beyond what any store needs.
  func wait(for hint: StoreHint, fileID: String = #fileID, line: Int = #line) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while !hints.withLock({ $0.contains(hint) }) {
      guard ContinuousClock.now < deadline else {
        throw ConformanceFailure("never heard \(hint)", fileID: fileID, line: line)
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}
