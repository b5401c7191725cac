import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TaskColumn {
  /// The values of several tasks, as an array.
  func array(of tasks: ArraySlice<NewTask>, _ encoder: JSONEncoder) throws(TaskQueueError) -> LibpqValue {
    switch reader {
    case .text(let read): return .textArray(tasks.map(read))
    case .json:
      var values: [Data?] = []
      values.reserveCapacity(tasks.count)
      for task in tasks { values.append(try json(task, encoder)) }
      return .jsonArray(values)
    case .integer(let absent, let read): return .int4Array(tasks.map { read($0) ?? absent })
    case .interval(let read): return .intervalArray(tasks.map(read))
    case .timestamptz(let read): return .timestamptzArray(tasks.map(read))
    }
  }

  /// The value of one task; NULL if it has none.
  func value(of task: NewTask, _ encoder: JSONEncoder) throws(TaskQueueError) -> LibpqValue {
    switch reader {
    case .text(let read): read(task).map { .text($0) } ?? .null
    case .json: try json(task, encoder).map { .json($0) } ?? .null
    case .integer(_, let read): read(task).map { .int4($0) } ?? .null
    case .interval(let read): read(task).map { .interval($0) } ?? .null
    case .timestamptz(let read): read(task).map { .timestamptz($0) } ?? .null
    }
  }

  /// The value of one task as text, for a cast to ``sqlType``; nil if it has none.
  func text(of task: NewTask, _ encoder: JSONEncoder) throws(TaskQueueError) -> String? {
    switch reader {
    case .text(let read): return read(task)
    case .json: return try json(task, encoder).map { bytes throws(TaskQueueError) in try SQLText.json(bytes) }
    case .integer(_, let read): return read(task).map { String($0) }
    case .interval(let read): return read(task).map { SQLText.interval($0) }
    case .timestamptz(let read):
      return try read(task).map { date throws(TaskQueueError) in try SQLText.timestamp(date) }
    }
  }

  var sqlType: String {
    switch reader {
    case .text: "text"
    case .json: "json"
    case .integer: "int"
    case .interval: "interval"
    case .timestamptz: "timestamptz"
    }
  }

  /// The value of one task as a field of a row of a binary COPY.
  func append(_ task: NewTask, to buffer: inout LibpqCopyBuffer, _ encoder: JSONEncoder) throws {
    switch reader {
    case .text(let read):
      // Only the queue may have none, and the table has no NULL for it.
      buffer.append(read(task) ?? QueueName.default.rawValue)
    case .json:
      if let value = try json(task, encoder) { buffer.append(value) } else { buffer.appendNull() }
    case .integer(let absent, let read):
      if isSmallint {
        buffer.append(Int16(clamping: read(task) ?? absent))
      } else if let value = read(task) {
        buffer.append(value)
      } else {
        buffer.appendNull()
      }
    case .interval: preconditionFailure("COPY takes no interval")
    case .timestamptz(let read):
      if let value = read(task) { try buffer.append(value) } else { buffer.appendNull() }
    }
  }

  private func json(_ task: NewTask, _ encoder: JSONEncoder) throws(TaskQueueError) -> Data? {
    guard case .json(let isUsed, let encode) = reader, isUsed(task) else { return nil }
    do { return try encode(task, encoder) } catch {
      throw TaskQueueError(.encodingFailed, "A task's options could not be encoded as JSON.", underlying: error)
    }
  }
}
