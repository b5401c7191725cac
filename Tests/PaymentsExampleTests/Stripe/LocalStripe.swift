import Dispatch
import Foundation

/// localstripe, a stateful server that behaves as Stripe's API does, as a child process of the tests. It ends when they
/// do, however that is: its standard input closes then.
final class LocalStripe: Sendable {
  struct NotStarted: Error, CustomStringConvertible {
    var description: String { "scripts/localstripe didn't start; it needs python3 and PyPI. Its messages are above." }
  }

  /// One for all tests: each keeps to a namespace of its own.
  static let shared = Task { try await LocalStripe.start() }

  let url: String
  private let process: Process
  /// Held, and never written to.
  private let input: Pipe

  private init(url: String, process: Process, input: Pipe) {
    self.url = url
    self.process = process
    self.input = input
  }

  private static func start() async throws -> LocalStripe {
    let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
    let (process, input, output) = (Process(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "\(root)/scripts/localstripe")
    process.arguments = ["--port", "0", "--until-input-ends"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = await firstLine(output.fileHandleForReading)
    guard let url = line.split(separator: "url=").last, line.contains("url=http") else { throw NotStarted() }
    return LocalStripe(url: String(url), process: process, input: input)
  }

  /// Of what it writes, until it says where it listens, or ends.
  private static func firstLine(_ file: FileHandle) async -> String {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var text = ""
        while !text.contains("\n") {
          let data = file.availableData
          if data.isEmpty { break }
          text += String(decoding: data, as: UTF8.self)
        }
        continuation.resume(returning: text.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
  }
}
