import Synchronization

/// Remembers what happened, from any task.
package final class Journal<Entry: Sendable>: Sendable {
  private let storage = Mutex<[Entry]>([])

  package init() {}

  package var entries: [Entry] { storage.withLock { $0 } }
  package func append(_ entry: Entry) { storage.withLock { $0.append(entry) } }
}
