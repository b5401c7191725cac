import ChildProcesses

/// Runs the same blocking work on several threads at once, with their numbers, and returns when all are done.
func onThreads<Value: Sendable>(
  _ count: Int,
  _ work: @escaping @Sendable (Int) throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: Value.self) { group in
    for number in 0..<count { group.addTask { try await onOwnThread { try work(number) } } }
    var values: [Value] = []
    for try await value in group { values.append(value) }
    return values
  }
}
