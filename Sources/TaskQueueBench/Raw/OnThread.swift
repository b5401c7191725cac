import Foundation

/// Runs blocking work on a thread of its own, to keep it off the threads that run tasks.
func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, any Error>, Never>) in
    Thread.detachNewThread { continuation.resume(returning: Result { try work() }) }
  }
  return try result.get()
}

/// Runs the same blocking work on several threads at once, with their numbers, and returns when all are done.
func onThreads<Value: Sendable>(
  _ count: Int,
  _ work: @escaping @Sendable (Int) throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: Value.self) { group in
    for number in 0..<count { group.addTask { try await onThread { try work(number) } } }
    var values: [Value] = []
    for try await value in group { values.append(value) }
    return values
  }
}
