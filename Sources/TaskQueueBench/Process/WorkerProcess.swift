import Foundation
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
    var unfinishedLine: [UInt8] = []
  }

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let state = Mutex(State())

  let processID: Int32

  private init(_ settings: WorkerSettings) throws {
    guard let program = Bundle.main.executableURL else {
      throw BenchmarkError("This program doesn't know its own path and can't start workers.")
    }
    process.executableURL = program
    process.arguments = settings.arguments
    process.environment = ProcessInfo.processInfo.environment.merging(settings.environment) { $1 }
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    processID = process.processIdentifier
    output.fileHandleForReading.readabilityHandler = { [weak self] file in
      let data = file.availableData
      if data.isEmpty { file.readabilityHandler = nil }
      self?.read(data)
    }
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
    try await wait("to report") { self.state.withLock { $0.usage != nil } }
    guard let usage = state.withLock({ $0.usage }) else { throw BenchmarkError("A worker process reported nothing.") }
    return usage
  }

  /// Graceful shutdown; returns when the process is gone.
  func stop() async throws {
    try send(.stop)
    let deadline = ContinuousClock.now + .seconds(40)
    while process.isRunning {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("A worker process did not shut down.") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func send(_ order: WorkerOrder) throws {
    guard process.isRunning else { throw BenchmarkError("A worker process ended too early; its messages are above.") }
    try input.fileHandleForWriting.write(contentsOf: Data((order.rawValue + "\n").utf8))
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

  private func read(_ data: Data) {
    state.withLock { state in
      for byte in data {
        guard byte == UInt8(ascii: "\n") else {
          state.unfinishedLine.append(byte)
          continue
        }
        apply(WorkerEvent(line: String(decoding: state.unfinishedLine, as: UTF8.self)), to: &state)
        state.unfinishedLine.removeAll(keepingCapacity: true)
      }
    }
  }

  private func apply(_ event: WorkerEvent?, to state: inout State) {
    switch event {
    case .ready: state.isReady = true
    case .handled(let count): state.handled = count
    case .probe(let number, let time): state.probes[number] = min(time, state.probes[number] ?? .max)
    case .usage(let usage): state.usage = usage
    case nil: break
    }
  }
}
