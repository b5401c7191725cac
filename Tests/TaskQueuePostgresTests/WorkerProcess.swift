import Foundation
import Libpq

/// A worker in a process of its own, to be killed.
final class WorkerProcess {
  private let process = Process()
  private let input = Pipe()

  /// - Parameter workMilliseconds: the longest a handler takes.
  convenience init(
    _ database: LibpqConfiguration,
    leaseMilliseconds: Int,
    workMilliseconds: Int,
    concurrency: Int
  ) throws {
    try self.init([database.connectionString, "\(leaseMilliseconds)", "\(workMilliseconds)", "\(concurrency)"])
  }

  init(_ arguments: [String]) throws {
    process.executableURL = Self.productsDirectory.appendingPathComponent("CrashTestWorker")
    process.arguments = arguments
    process.standardInput = input
    try process.run()
  }

  var isRunning: Bool { process.isRunning }

  /// SIGKILL: no handler, no cleanup, no goodbye.
  func kill() {
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Ends its standard input: graceful shutdown.
  func stop() throws {
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  private static var productsDirectory: URL {
    #if os(macOS)
      for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
        return bundle.bundleURL.deletingLastPathComponent()
      }
    #endif
    return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  }
}
