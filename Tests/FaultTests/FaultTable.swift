import Foundation
import Synchronization

/// The rows so far, as Markdown: printed, and written to the file that `TASKQUEUE_FAULTS_TABLE` of the environment names.
enum FaultTable {
  struct Row: Sendable {
    var fault: String
    /// Worker, enqueuer, effect, listener, shutdown.
    var cells: [String]
  }

  private static let rows = Mutex<[Row]>([])
  private static let header = """
    | Fault | Worker | Enqueuer | Effect | Listener | Shutdown |
    |---|---|---|---|---|---|
    """

  static func add(_ row: Row) throws {
    let line = text(row)
    print(line)
    let table = rows.withLock { rows in
      rows.append(row)
      return ([header] + rows.map(text)).joined(separator: "\n") + "\n"
    }
    guard let path = ProcessInfo.processInfo.environment["TASKQUEUE_FAULTS_TABLE"], !path.isEmpty else { return }
    try table.write(toFile: path, atomically: true, encoding: .utf8)
  }

  private static func text(_ row: Row) -> String { "| " + ([row.fault] + row.cells).joined(separator: " | ") + " |" }
}
