import Dispatch
import Foundation
import Synchronization

/// A supervised process of this same program: `payments serve` or `payments provider`.
///
/// It ends when its standard input does, so it never outlives this process, however that ends.
final class WorkerProcess: Sendable {
  private struct State {
    var held: Set<Int64> = []
    var port: Int?
    var unfinishedLine = ""
    var outputEnded = false
  }

  let name: String
  let processId: Int32
  private let process: ChildProcess
  private let state = Mutex(State())

  /// Starts the program with these arguments, and with this beside our own environment.
  /// - Throws: what Foundation says if it can't be started.
  /// - Parameter program: nil: this one.
  init(name: String, program: URL? = nil, arguments: [String], environment: [String: String] = [:]) throws {
    self.name = name
    self.process = try ChildProcess(program: program, arguments: arguments, environment: environment)
    self.processId = self.process.processId
    self.process.onOutput { [weak self] data in self?.read(data) }
  }

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
    await self.wait(atMost: .seconds(5)) { !self.isRunning && self.state.withLock { $0.outputEnded } }
    return self.held
  }

  /// SIGTERM, then, if it takes too long, SIGKILL; waits until the process is gone.
  func stop() async {
    self.process.send(SIGTERM)
    await self.wait(atMost: .seconds(5)) { !self.isRunning }
    if self.isRunning {
      self.process.send(SIGKILL)
      await self.wait(atMost: .seconds(5)) { !self.isRunning }
    }
  }

  /// Also when the calling task is cancelled: shutting down must not be cut short.
  private func wait(atMost limit: Duration, until condition: () -> Bool) async {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while !condition(), clock.now < deadline {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(10)) { continuation.resume() }
      }
    }
  }

  private func read(_ data: Data) {
    self.state.withLock { state in
      guard !data.isEmpty else {
        state.outputEnded = true
        return
      }
      let text = state.unfinishedLine + String(decoding: data, as: UTF8.self)
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      state.unfinishedLine = lines.popLast().map(String.init) ?? ""
      for line in lines {
        switch WorkerEvent(line: line) {
        case .listening(let port): state.port = port
        case .began(let id): state.held.insert(id)
        case .ended(let id): state.held.remove(id)
        case nil: break
        }
      }
    }
  }
}
