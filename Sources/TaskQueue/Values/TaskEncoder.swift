#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Encodes payloads of one type with the same, already validated options.
package struct TaskEncoder<Payload: TaskPayload> {
  private let options: EnqueueOptions
  private let encoder = JSONEncoder()

  package init(options: EnqueueOptions) throws(TaskQueueError) {
    try Payload.taskType.validate()
    try options.validate()
    self.options = options
  }

  package func encode(_ payload: Payload) throws(TaskQueueError) -> NewTask {
    let encoded: Data
    do { encoded = try encoder.encode(payload) } catch {
      throw .init(
        .encodingFailed,
        "The payload of \(Payload.taskType) could not be encoded as JSON.",
        underlying: error
      )
    }
    return try NewTask(type: Payload.taskType, json: encoded, validOptions: options)
  }

  func encode(_ payloads: ArraySlice<Payload>) throws(TaskQueueError) -> [NewTask] {
    var tasks: [NewTask] = []
    tasks.reserveCapacity(payloads.count)
    for payload in payloads { tasks.append(try encode(payload)) }
    return tasks
  }
}
