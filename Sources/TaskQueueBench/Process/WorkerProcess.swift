import ChildProcesses
import Synchronization

/// A `worker` process of this same program.
///
/// It ends when its standard input does, so it never outlives this process, however that ends.
final class WorkerProcess: Sendable {
  private struct State {
    var isReady = false
    var handled = 0
    var probes: [Int: Int64] = [:]
    var usage: ProcessUsage?
  }

  private let process: ChildProcess
  private let state = Mutex(State())

  var processID: Int32 { process.id }

  private init(_ settings: WorkerSettings) throws {
    let program = try ChildCommand.currentProgram()
    process = try ChildProcess(ChildCommand(program, settings.arguments, addedEnvironment: settings.environment))
    process.onLine { [weak self] line in self?.apply(WorkerEvent(line: line)) }
  }

  /// Starts it and waits until it is connected; its workers don't run before ``go()``.
  static func start(_ settings: WorkerSettings) async throws -> WorkerProcess {
    let process = try WorkerProcess(settings)
    try await process.wait("to start") { process.state.withLock { $0.isReady } }
    return process
  }

  /// Several that do the same.
  static func start(_ count: Int, _ settings: WorkerSettings) async throws -> [WorkerProcess] {
    var processes: [WorkerProcess] = []
    for _ in 0..<count { processes.append(try await start(settings)) }
    return processes
  }

  /// Handlers that ended so far.
  var handled: Int { state.withLock { $0.handled } }

  /// When the handler of that probe first began, by ``MonotonicTime``.
  func probe(_ number: Int) -> Int64? { state.withLock { $0.probes[number] } }

  func go() throws { try send(.go) }

  func usage() async throws -> ProcessUsage {
    state.withLock { $0.usage = nil }
    try send(.usage)
    try await wait("to report") { state.withLock { $0.usage != nil } }
    guard let usage = state.withLock({ $0.usage }) else { throw BenchmarkError("A worker process reported nothing.") }
    return usage
  }

  /// Graceful shutdown; returns when the process is gone.
  func stop() async throws {
    try send(.stop)
    guard await process.waitForExit(atMost: .seconds(40)) else {
      throw BenchmarkError("A worker process did not shut down.")
    }
  }

  private func send(_ order: WorkerOrder) throws {
    do {
      try process.write(order.rawValue + "\n")
    } catch {
      throw BenchmarkError("A worker process ended too early; its messages are above.")
    }
  }

  private func wait(_ purpose: String, until condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
      guard process.isRunning, ContinuousClock.now < deadline else {
        throw BenchmarkError("A worker process failed \(purpose); its messages are above.")
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private func apply(_ event: WorkerEvent?) {
    state.withLock { state in
      switch event {
      case .ready: state.isReady = true
      case .handled(let count): state.handled = count
      case .probe(let number, let time): state.probes[number] = min(time, state.probes[number] ?? .max)
      case .usage(let usage): state.usage = usage
      case nil: break
      }
    }
  }
}
