import Dispatch
package import Foundation
import Synchronization

/// A running program: the one way to start, watch and end a child process.
///
/// The child runs in a session of its own, so Ctrl-C in a terminal reaches us alone. It gets none of our descriptors, but
/// its standard input is a channel from us. The kernel closes that when this process ends, however that happens, and so does
/// the end of the last reference: programs that shall not outlive us end with their input.
///
/// Not swift-subprocess: that runs a child within a closure, and owners of ours live longer than any function. Not
/// Foundation's `Process`: descriptors leak between concurrent starts, and on Linux a hang-up that comes together with the
/// last output hides it from `readabilityHandler`.
package final class ChildProcess: Sendable {
  private let life: ChildLife
  private let input: ChildInput
  private let output: ChildOutput?
  private let errors: ChildOutput?
  /// Left when ``onLine(_:)`` has handed over the last line.
  private let reading = DispatchGroup()

  /// Starts it.
  /// - Throws: ``ChildProcessError`` if there is no such program, or too many processes or descriptors.
  package init(_ command: ChildCommand) throws(ChildProcessError) {
    let spawned = try SpawnedChild.start(command)
    life = ChildLife(spawned.id)
    input = spawned.input
    output = spawned.output
    errors = spawned.errors
  }

  package var id: pid_t { life.id }

  /// nil while it runs.
  package var exit: ProcessExit? { life.status }

  package var isRunning: Bool { exit == nil }

  /// Does nothing once it has ended.
  package func send(_ signal: Int32) {
    life.send(signal)
  }

  /// Writes to its standard input. Blocks while the child reads nothing and the channel is full.
  /// - Throws: ``ChildProcessError`` if it is gone or ``closeInput()`` was called.
  package func write(_ text: String) throws(ChildProcessError) {
    guard input.write(text) else { throw ChildProcessError("the process reads no more") }
  }

  /// Ends its standard input.
  package func closeInput() {
    input.close()
  }

  /// Waits for the next line of its output, without the line break; nil at the end. Blocks, one caller at a time.
  package func readLine() -> String? {
    output?.readLine()
  }

  /// Calls `handle` with each line of its output, on a thread of its own. Once, and instead of ``readLine()``.
  package func onLine(_ handle: @escaping @Sendable (String) -> Void) {
    guard let output else { return }
    reading.enter()
    Thread.detachNewThread { [reading] in
      while let line = output.readLine() { handle(line) }
      reading.leave()
    }
  }

  /// Blocks until it has ended.
  package func blockUntilExit() {
    _ = life.wait(until: .distantFuture)
  }

  /// Waits until it has ended, also when the calling task is cancelled.
  /// - Returns: whether it has.
  @discardableResult
  package func waitForExit(atMost limit: Duration? = nil) async -> Bool {
    let deadline = Self.deadline(limit)
    return await onOwnThread { [life] in life.wait(until: deadline) }
  }

  /// Waits until it has ended and ``onLine(_:)`` has handed over its last line, also when the calling task is cancelled.
  package func waitForEnd(atMost limit: Duration? = nil) async {
    let deadline = Self.deadline(limit)
    await onOwnThread { [life, reading] in
      if life.wait(until: deadline) { _ = reading.wait(timeout: deadline) }
    }
  }

  /// `SIGTERM`, and after `grace` `SIGKILL`; waits until it is gone, also when the calling task is cancelled.
  package func stop(grace: Duration = .seconds(5)) async {
    send(SIGTERM)
    if await waitForExit(atMost: grace) { return }
    send(SIGKILL)
    await waitForExit()
  }

  private static func deadline(_ limit: Duration?) -> DispatchTime {
    limit.map { .now() + ($0 / .seconds(1)) } ?? .distantFuture
  }
}

extension ChildProcess {
  /// What a program left behind.
  package struct Result: Sendable {
    package let exit: ProcessExit
    package let output: String
    /// Empty unless ``ChildCommand/errors`` is a pipe.
    package let errors: String
  }

  /// Runs a program without input to its end. Blocks.
  package static func runBlocking(_ command: ChildCommand) throws(ChildProcessError) -> Result {
    try ChildProcess(command).result()
  }

  /// Runs a program without input to its end; `SIGTERM` when the calling task is cancelled.
  /// - Throws: ``ChildProcessError``, `CancellationError`.
  package static func run(_ command: ChildCommand) async throws -> Result {
    let process = try ChildProcess(command)
    let result = await withTaskCancellationHandler {
      await onOwnThread { process.result() }
    } onCancel: {
      process.send(SIGTERM)
    }
    try Task.checkCancellation()
    return result
  }

  /// Blocks.
  private func result() -> Result {
    closeInput()
    let errorText = Mutex("")
    if let errors {
      // Beside the output, so that neither pipe fills while the other is read.
      reading.enter()
      Thread.detachNewThread { [reading] in
        let text = errors.readToEnd()
        errorText.withLock { $0 = text }
        reading.leave()
      }
    }
    let text = output?.readToEnd() ?? ""
    reading.wait()
    blockUntilExit()
    return Result(exit: exit ?? .forgotten, output: text, errors: errorText.withLock { $0 })
  }
}
