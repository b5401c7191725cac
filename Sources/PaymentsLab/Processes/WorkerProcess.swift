import ChildProcesses
import Foundation
import PaymentsExample
import Synchronization

/// What a supervised `serve` process tells its parent, one line each.
enum WorkerEvent: Equatable, Sendable {
  case listening(Int)
  case began(PaymentID)
  case ended(PaymentID)

  /// nil: not a line of ours.
  init?(line: some StringProtocol) {
    let words = line.split(separator: " ")
    guard words.count == 2 else { return nil }
    switch (words[0], Int(words[1]), PaymentID(String(words[1]))) {
    case ("listening", let port?, _): self = .listening(port)
    case ("began", _, let id?): self = .began(id)
    case ("ended", _, let id?): self = .ended(id)
    default: return nil
    }
  }

  var line: String {
    switch self {
    case .listening(let port): "listening \(port)"
    case .began(let id): "began \(id)"
    case .ended(let id): "ended \(id)"
    }
  }
}

/// A supervised process of this same program: `payments serve` or `payments provider`.
///
/// It ends when its standard input does, so it never outlives this process, however that ends.
final class WorkerProcess: Sendable {
  private struct State {
    var held: Set<PaymentID> = []
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
    process = try ChildProcess(ChildCommand(program, arguments, addedEnvironment: environment))
    process.onLine { [weak self] line in self?.apply(WorkerEvent(line: line)) }
  }

  var processId: Int32 { process.id }

  /// The payments its handlers work on right now, as far as it has told.
  var held: Set<PaymentID> {
    state.withLock { $0.held }
  }

  var isRunning: Bool {
    process.isRunning
  }

  /// Waits until it listens.
  /// - Throws: `CommandError` if it ended or took more than 20 seconds; `CancellationError`.
  func port() async throws -> Int {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(20)
    while clock.now < deadline {
      if let port = state.withLock({ $0.port }) { return port }
      guard isRunning else { break }
      try await clock.sleep(for: .milliseconds(20))
    }
    throw CommandError("Worker \(name) didn't start. Its messages, if any, are above.")
  }

  /// SIGKILL, and waits until the process is gone.
  /// - Returns: the payments it was working on when it died: began, and never ended.
  func killAndWait() async -> Set<PaymentID> {
    process.send(SIGKILL)
    // What it wrote before is in the pipe until its end.
    await process.waitForEnd(atMost: .seconds(5))
    return held
  }

  /// SIGTERM, then, if it takes too long, SIGKILL; waits until the process is gone.
  func stop() async {
    await process.stop()
  }

  private func apply(_ event: WorkerEvent?) {
    state.withLock { state in
      switch event {
      case .listening(let port): state.port = port
      case .began(let id): state.held.insert(id)
      case .ended(let id): state.held.remove(id)
      case nil: break
      }
    }
  }
}
