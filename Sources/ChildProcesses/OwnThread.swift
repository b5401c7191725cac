import Foundation

/// Runs blocking work on a thread of its own, to keep it off the threads that run tasks. Not cut short by cancellation.
package func onOwnThread<Value: Sendable, Failure: Error>(
  _ work: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
  let result = await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      let result: Result<Value, Failure>
      do throws(Failure) {
        result = .success(try work())
      } catch {
        result = .failure(error)
      }
      continuation.resume(returning: result)
    }
  }
  return try result.get()
}
