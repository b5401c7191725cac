import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension ConnectionCore {
  /// Runs `operation` with an interruption that the cancellation of the calling task sets off.
  nonisolated func interruptible<Value: Sendable>(
    _ operation: (Interruption) async throws(LibpqError) -> Value
  ) async throws(LibpqError) -> Value {
    let interruption = Interruption(wakeUp)
    let result: Result<Value, LibpqError> = await withTaskCancellationHandler {
      do throws(LibpqError) {
        return .success(try await operation(interruption))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      interruption.request()
    }
    return try result.get()
  }
}

extension LibpqConnection {
  /// What the pool asks when the connection comes back: whether it can be lent again, and whether all of the pool's are in doubt.
  var returnState: (isReusable: Bool, isDoubtful: Bool) {
    core.status.withLock { ($0.isUsable && $0.isIdle && $0.pending.isEmpty && !$0.isDoubtful, $0.isDoubtful) }
  }

  /// Whether the server has said nothing since the last statement. What it says unasked is mostly farewell.
  ///
  /// Only for the exclusive holder of an idle connection: nobody else may close the socket meanwhile.
  var isQuiet: Bool {
    let socket = core.status.withLock { $0.isUsable ? $0.socket : -1 }
    guard socket >= 0 else { return false }
    var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) == 0
  }
}
