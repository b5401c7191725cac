import ChildProcesses
import Foundation
import Libpq

/// A worker in a process of its own, to be killed.
final class WorkerProcess {
  private let process: ChildProcess

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
    var command = ChildCommand(ChildCommand.built("CrashTestWorker"), arguments)
    command.output = .shared
    process = try ChildProcess(command)
  }

  var isRunning: Bool { process.isRunning }
  var processIdentifier: Int32 { process.id }

  /// SIGKILL: no handler, no cleanup, no goodbye.
  func kill() {
    process.send(SIGKILL)
    process.blockUntilExit()
  }

  /// Ends its standard input: graceful shutdown.
  func stop() {
    process.closeInput()
    process.blockUntilExit()
  }
}
