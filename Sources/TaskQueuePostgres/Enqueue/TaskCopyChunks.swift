import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The bytes of a ``TaskCopy``, encoded when they are asked for.
struct TaskCopyChunks: AsyncSequence, AsyncIteratorProtocol {
  typealias Element = [UInt8]

  private let columns: TaskCopy.Columns
  private let columnCount: Int
  private let ids: [Int64]
  private let now: Date
  private var remaining: ArraySlice<NewTask>
  private var nextIndex = 0
  private var isComplete = false
  private var buffer: LibpqCopyBuffer
  private let encoder = JSONEncoder()

  init(tasks: ArraySlice<NewTask>, columns: TaskCopy.Columns, ids: [Int64], now: Date) {
    self.columns = columns
    self.ids = ids
    self.now = now
    remaining = tasks
    columnCount = columns.names.count
    buffer = LibpqCopyBuffer(capacity: TaskCopy.chunkBytes + TaskCopy.chunkBytes / 4)
  }

  func makeAsyncIterator() -> TaskCopyChunks { self }

  mutating func next() async throws -> [UInt8]? {
    guard !isComplete else { return nil }
    buffer.removeAll()
    if nextIndex == 0 { buffer.appendHeader() }
    while buffer.count < TaskCopy.chunkBytes, let task = remaining.popFirst() {
      try append(task, id: ids[nextIndex])
      nextIndex += 1
    }
    if remaining.isEmpty {
      buffer.appendTrailer()
      isComplete = true
    }
    return buffer.bytes
  }

  private mutating func append(_ task: NewTask, id: Int64) throws {
    buffer.beginRow(columns: columnCount)
    buffer.append(id)
    buffer.append(task.type.rawValue)
    buffer.append(task.payload)
    let due = columns.hasSchedule ? task.due(at: now) : now
    try buffer.append(due)
    try buffer.append(now)
    if columns.hasSchedule { buffer.append(due <= now) }
    for option in columns.options { try option.append(task, to: &buffer, encoder) }
  }
}
