import Foundation
import Synchronization

@testable import TaskQueueAdapter

/// The program as the harness starts it.
final class Replica: Sendable {
  private struct State {
    var descriptor: DescriptorLine?
    var samples: [SampleLine] = []
    var strangers: [String] = []
  }

  private let process: Process
  private let input = Pipe()
  private let state = Mutex(State())

  init(_ environment: [String: String]) throws {
    process = Process()
    process.executableURL = Self.program
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    Thread.detachNewThread { [self] in read(output.fileHandleForReading) }
  }

  private static var program: URL {
    #if os(macOS)
      for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
        return bundle.bundleURL.deletingLastPathComponent().appending(path: "TaskQueueAdapter")
      }
    #endif
    return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "TaskQueueAdapter")
  }

  var descriptor: DescriptorLine? { state.withLock { $0.descriptor } }
  var samples: [SampleLine] { state.withLock { $0.samples } }
  /// Lines that are neither.
  var strangers: [String] { state.withLock { $0.strangers } }

  /// Jobs by what the lines say: rates times windows.
  func jobs(_ metric: String) -> Double {
    samples.filter { $0.metric == metric }.map { $0.value * $0.window }.reduce(0, +)
  }

  func order(_ count: Int) throws { try input.fileHandleForWriting.write(contentsOf: Data("ENQUEUE \(count)\n".utf8)) }

  /// As the harness does it: the end of standard input, and SIGTERM.
  func stop() async throws -> Int32 {
    try? input.fileHandleForWriting.close()
    process.terminate()
    return try await exit()
  }

  func kill() async throws {
    Foundation.kill(process.processIdentifier, SIGKILL)
    _ = try await exit()
  }

  /// Its status, once it has ended.
  func exit() async throws -> Int32 {
    try await wait { !self.process.isRunning }
    return process.terminationStatus
  }

  private func read(_ output: FileHandle) {
    var rest = Data()
    while case let data = output.availableData, !data.isEmpty {
      rest.append(data)
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        note(Data(rest[rest.startIndex..<end]))
        rest = Data(rest[rest.index(after: end)...])
      }
    }
  }

  private func note(_ line: Data) {
    state.withLock { state in
      if let sample = try? JSONDecoder().decode(SampleLine.self, from: line) {
        state.samples.append(sample)
      } else if state.descriptor == nil, let descriptor = try? JSONDecoder().decode(DescriptorLine.self, from: line) {
        state.descriptor = descriptor
      } else {
        state.strangers.append(String(decoding: line, as: UTF8.self))
      }
    }
  }
}

/// Waits until something is so, a minute at most.
func wait(until condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + .seconds(60)
  while try await !condition() {
    guard ContinuousClock.now < end else { throw NeverSo() }
    try await Task.sleep(for: .milliseconds(50))
  }
}

struct NeverSo: Error {}
