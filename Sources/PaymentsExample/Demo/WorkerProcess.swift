import ChildProcesses
import Foundation
import Synchronization

/// A supervised process of this same program: `payments serve` or `payments provider`.
///
/// It ends when its standard input does, so it never outlives this process, however that ends.
final class WorkerProcess: Sendable {
  private struct State {
    var held: Set<Int64> = []
    var port: Int?
  }

  let name: String
  private let process: ChildProcess
  private let state = Mutex(State())

  /// Starts the program with these arguments, and with this beside our own environment.
  /// - Parameter program: the path; nil: this one.
  init(name: String, program: String? = nil, arguments: [String], environment: [String: String] = [:]) throws {
    let program = try program ?? ChildCommand.currentProgram()
    self.name = name
    self.process = try ChildProcess(ChildCommand(program, arguments, addedEnvironment: environment))
    self.process.onLine { [weak self] line in self?.apply(WorkerEvent(line: line)) }
  }

  var processId: Int32 { self.process.id }

  /// The payments its handlers work on right now, as far as it has told.
  var held: Set<Int64> {
    self.state.withLock { $0.held }
  }

  var isRunning: Bool {
    self.process.isRunning
  }

  /// Waits until it listens.
  /// - Throws: `CommandError` if it ended or took more than 20 seconds; `CancellationError`.
  func port() async throws -> Int {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(20)
    while clock.now < deadline {
      if let port = self.state.withLock({ $0.port }) { return port }
      guard self.isRunning else { break }
      try await clock.sleep(for: .milliseconds(20))
    }
    throw CommandError("Worker \(self.name) didn't start. Its messages, if any, are above.")
  }

  /// SIGKILL, and waits until the process is gone.
  /// - Returns: the payments it was working on when it died: began, and never ended.
  func killAndWait() async -> Set<Int64> {
    self.process.send(SIGKILL)
    // What it wrote before is in the pipe until its end.
    await self.process.waitForEnd(atMost: .seconds(5))
    return self.held
  }

  /// SIGTERM, then, if it takes too long, SIGKILL; waits until the process is gone.
  func stop() async {
    await self.process.stop()
  }

  private func apply(_ event: WorkerEvent?) {
    self.state.withLock { state in
      switch event {
      case .listening(let port): state.port = port
      case .began(let id): state.held.insert(id)
      case .ended(let id): state.held.remove(id)
      case nil: break
      }
    }
  }
}
