import ChildProcesses
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
  private let process: ChildProcess

  private init(url: String, process: ChildProcess) {
    self.url = url
    self.process = process
  }

  private static func start() async throws -> LocalStripe {
    let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
    let command = ChildCommand("\(root)/scripts/localstripe", ["--port", "0", "--until-input-ends"])
    let process = try ChildProcess(command)
    // It says where it listens, or ends.
    let line = await onOwnThread { process.readLine() } ?? ""
    guard let url = line.split(separator: "url=").last, line.contains("url=http") else { throw NotStarted() }
    return LocalStripe(url: String(url), process: process)
  }
}
