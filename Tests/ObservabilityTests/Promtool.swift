import ChildProcesses
import Foundation

/// Prometheus' own tool, from Debian's package `prometheus`.
enum Promtool {
  struct Output {
    let text: String
    let status: Int32
  }

  /// - Parameter input: what it reads.
  static func run(_ arguments: [String], input: String? = nil, in directory: URL? = nil) async throws -> Output {
    let script = (directory.map { "cd '\($0.path)' && " } ?? "") + "exec promtool \"$@\""
    var command = ChildCommand("/bin/sh", ["-c", script, "promtool"] + arguments)
    if let input {
      let file = FileManager.default.temporaryDirectory.appending(path: "promtool-\(UUID().uuidString)")
      try input.write(to: file, atomically: true, encoding: .utf8)
      command.arguments[1] = "exec promtool \"$@\" <'\(file.path)'"
      defer { try? FileManager.default.removeItem(at: file) }
      return try await output(of: command)
    }
    return try await output(of: command)
  }

  private static func output(of command: ChildCommand) async throws -> Output {
    var command = command
    command.errors = .output
    let result = try await ChildProcess.run(command)
    return Output(text: result.output, status: result.exit.status ?? -1)
  }
}
