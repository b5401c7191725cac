import UnixSignals

/// Work that a signal ends in good order.
enum Interruption {
  /// Runs the body until it ends, or `SIGINT` or `SIGTERM` comes, which cancels it.
  ///
  /// - Returns: whether a signal came.
  static func watch(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body()
        return false
      }
      group.addTask {
        for await _ in signals { return true }
        return false
      }
      let wasInterrupted = try await group.next() ?? false
      group.cancelAll()
      // What is cancelled ends in its own time, and how does not matter any more.
      while let result = await group.nextResult() {
        if case .failure(let error) = result, !(error is CancellationError), !wasInterrupted { throw error }
      }
      return wasInterrupted
    }
  }
}
