import Logging
import Synchronization

/// Keeps everything that is logged.
final class LogRecorder: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }

  var metadata: Logger.Metadata {
    get { [:] }
    set { lines.withLock { $0.append("\(newValue)") } }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set { lines.withLock { $0.append("\(key)=\(newValue ?? "")") } }
  }

  func log(event: LogEvent) {
    let error = event.error.map { "\($0)" } ?? ""
    lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:]) \(error)") }
  }
}
