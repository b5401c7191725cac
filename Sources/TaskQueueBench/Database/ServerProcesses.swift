import ChildProcesses
import Libpq

/// The processes of a server on this machine.
struct ServerProcesses: Sendable {
  private let postmaster: Int32

  /// nil when the server's processes can't be seen: it runs elsewhere, or there is no `/proc`.
  init?(_ connection: LibpqConnection) {
    let backend = ProcessFiles(processID: connection.backendProcessID)
    guard let parent = backend.parentID, ProcessFiles(processID: parent).name == "postgres" else { return nil }
    postmaster = parent
  }

  /// CPU time of the whole server so far: of the main process, of its children, and of those that have ended.
  var cpuSeconds: Double {
    let processes = [postmaster] + ProcessTree.children(of: postmaster)
    return processes.compactMap { ProcessFiles(processID: $0).cpuSeconds }.reduce(0, +)
  }
}
