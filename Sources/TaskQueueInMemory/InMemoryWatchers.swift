@_spi(Store) import TaskQueue

/// Who watches an in-memory store, and which hints each has yet to be told. Equal hints coalesce.
struct InMemoryWatchers {
  private struct Watcher {
    var wakeUp: @Sendable () -> Void
    var pending: Set<StoreHint>
  }

  /// Beyond this many untold hints a watcher is told to look at everything instead.
  static let maxPendingHints = 1_024

  private var watchers: [Int: Watcher] = [:]
  private var nextID = 0

  /// The new watcher's first hint is ``StoreHint/resync``.
  mutating func add(wakeUp: @escaping @Sendable () -> Void) -> Int {
    nextID += 1
    watchers[nextID] = Watcher(wakeUp: wakeUp, pending: [.resync])
    return nextID
  }

  mutating func remove(_ id: Int) { watchers[id] = nil }

  mutating func post(_ hints: Set<StoreHint>) {
    for id in watchers.keys {
      watchers[id]?.pending.formUnion(hints)
      if watchers[id].map({ $0.pending.count > Self.maxPendingHints }) ?? false {
        watchers[id]?.pending = [.resync]
      }
      watchers[id]?.wakeUp()
    }
  }

  mutating func takeHints(of id: Int) -> Set<StoreHint> {
    let pending = watchers[id]?.pending ?? []
    watchers[id]?.pending = []
    return pending
  }
}
