import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension NewTask {
  /// One task as the last parameters of the function `_receive_event`.
  func parameters(wakes: Bool) throws(TaskQueueError) -> [LibpqValue] {
    var delay = LibpqValue.null
    var instant = LibpqValue.null
    switch schedule.rule {
    case .now: break
    case .after(let time): delay = .interval(time)
    case .at(let date): instant = .timestamptz(date)
    }
    return [
      .text(type.rawValue), .json(payload), .text(queue.rawValue), .int4(Int32(clamping: priority)),
      delay, instant, unique.map { .text($0.key) } ?? .null,
      unique?.periodAfterCompletion.map { .interval($0) } ?? .null,
      maxAttempts.map { .int4(Int32(clamping: $0)) } ?? .null,
      try json(retry), try json(headers.isEmpty ? nil : headers),
      deadline.map { .timestamptz($0) } ?? .null, .bool(wakes),
    ]
  }

  private func json<Value: Encodable>(_ value: Value?) throws(TaskQueueError) -> LibpqValue {
    guard let value else { return .null }
    do { return .json(try JSONEncoder().encode(value)) } catch {
      throw TaskQueueError(.encodingFailed, "A task's options could not be encoded as JSON.", underlying: error)
    }
  }
}
