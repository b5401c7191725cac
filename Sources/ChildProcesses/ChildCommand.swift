import Foundation

/// What to start: a program, its arguments, its environment, and where its output goes.
package struct ChildCommand: Sendable {
  /// Where the child writes.
  package enum Output: Sendable {
    /// To us, through a pipe. It has to be read, or the child waits once the pipe is full.
    case pipe
    /// To where we write.
    case shared
    /// Nowhere.
    case discarded
  }

  /// Where the child's messages go.
  package enum Errors: Sendable {
    /// To us, through a pipe of their own.
    case pipe
    /// To where ours go.
    case shared
    /// To where the output goes.
    case output
    case discarded
  }

  /// The program's path. The search path is not looked at.
  package var program: String
  package var arguments: [String]
  /// All of it.
  package var environment: [String: String]
  package var output = Output.pipe
  package var errors = Errors.shared

  /// - Parameter addedEnvironment: beside our own environment, and instead of what that says.
  package init(_ program: String, _ arguments: [String] = [], addedEnvironment: [String: String] = [:]) {
    self.program = program
    self.arguments = arguments
    environment = ProcessInfo.processInfo.environment.merging(addedEnvironment) { $1 }
  }

  /// The path of the program that runs this.
  package static func currentProgram() throws(ChildProcessError) -> String {
    guard let path = Bundle.main.executablePath else {
      throw ChildProcessError("this program doesn't know its own path and can't start itself again")
    }
    return path
  }

  /// A program of this package, built into the directory that this one was built into.
  package static func built(_ name: String) -> String {
    #if os(macOS)
      for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
        return bundle.bundleURL.deletingLastPathComponent().appending(path: name).path
      }
    #endif
    return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path
  }
}
