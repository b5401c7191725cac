import Foundation

/// A process of this same program with pipes to its standard input and output.
final class ChildProcess: Sendable {
  private let process = Process()
  /// Held, and never written to: that it closes with this process is what the child waits for.
  private let input = Pipe()
  private let output = Pipe()

  let processId: Int32

  /// Starts it. Standard error is shared, and so is the environment, but for what `environment` adds.
  /// - Parameter program: nil: this one.
  init(program: URL? = nil, arguments: [String], environment: [String: String] = [:]) throws {
    guard let program = program ?? Bundle.main.executableURL else {
      throw CommandError("This program doesn't know its own path and can't start workers.")
    }
    self.process.executableURL = program
    self.process.arguments = arguments
    self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, added in added }
    self.process.standardInput = self.input
    self.process.standardOutput = self.output
    try self.process.run()
    self.processId = self.process.processIdentifier
  }

  var isRunning: Bool {
    self.process.isRunning
  }

  /// nil while it runs.
  var exitStatus: Int32? {
    self.isRunning ? nil : self.process.terminationStatus
  }

  /// Calls `handle` with what it writes, and once with nothing at the end.
  ///
  /// On a thread of its own: on Linux a dispatch source, and with it `readabilityHandler`, is gone after a hang-up. If that
  /// comes together with the last data, as from a program that writes once and ends, the end was never seen.
  func onOutput(_ handle: @escaping @Sendable (Data) -> Void) {
    let file = self.output.fileHandleForReading
    Thread.detachNewThread {
      while true {
        let data = Self.read(file)
        handle(data)
        if data.isEmpty { return }
      }
    }
  }

  /// Waits for data; nothing means the end.
  private static func read(_ file: FileHandle) -> Data {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Foundation.read(file.fileDescriptor, &bytes, bytes.count)
      if count >= 0 { return Data(bytes.prefix(count)) }
      guard errno == EINTR else { return Data() }
    }
  }

  func send(_ signal: Int32) {
    if self.isRunning { kill(self.processId, signal) }
  }
}
