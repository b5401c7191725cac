#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Encodes payloads of one type with the same options, validated once.
struct TaskEncoder<Payload>: Sendable {
  private let template: NewTask.Template
  private let unique: (@Sendable (Payload) -> UniqueKey?)?
  private let limit: (@Sendable (Payload) -> TaskLimit?)?
  private let coding: PayloadCoding

  init(
    _ type: TaskType,
    defaults: TaskDefaults<Payload> = .init(),
    options: EnqueueOptions,
    coding: PayloadCoding
  ) throws(TaskQueueError) {
    try type.validate()
    try options.validate()
    try defaults.validate()
    template = NewTask.Template(
      type: type,
      queue: options.queue ?? defaults.queue,
      priority: options.priority ?? defaults.priority,
      options: options
    )
    unique = defaults.unique
    limit = defaults.limit
    self.coding = coding
  }

  func task(_ json: Data, unique: UniqueKey?, limit: TaskLimit?) throws(TaskQueueError) -> NewTask {
    try NewTask(template: template, payload: json, unique: unique, limit: limit)
  }
}

extension TaskEncoder where Payload: Encodable {
  func encode(_ payload: Payload) throws(TaskQueueError) -> NewTask {
    var key = template.options.unique
    if key == nil, let unique {
      key = unique(payload)
      try key?.validate()
    }
    var ownLimit = template.options.limit
    if ownLimit == nil, let limit {
      ownLimit = limit(payload)
      try ownLimit?.validate()
    }
    let json: Data
    do { json = try coding.encode(payload) } catch {
      throw .init(
        .encodingFailed,
        "The payload of \(template.type) could not be encoded as JSON.",
        underlying: UnencodableValue.describing(error)
      )
    }
    return try task(json, unique: key, limit: ownLimit)
  }
}

extension TaskEncoder where Payload: TaskPayload {
  init(options: EnqueueOptions, coding: PayloadCoding) throws(TaskQueueError) {
    try self.init(Payload.taskType, defaults: Payload.taskDefaults, options: options, coding: coding)
  }
}

extension TaskEncoder where Payload: Encodable & Sendable {
  /// Payloads that one child task encodes at least, and child tasks at most: below, or beyond, another one costs more than it brings.
  private static var encodingShare: Int { 4_000 }
  private static var maxEncoders: Int { 4 }

  /// Many payloads are encoded on several cores. Order is kept.
  func encode(all payloads: [Payload]) async throws(TaskQueueError) -> [NewTask] {
    let encoderCount = min(payloads.count / Self.encodingShare, Self.maxEncoders)
    guard encoderCount > 1 else { return try encode(payloads[...]) }
    let share = (payloads.count + encoderCount - 1) / encoderCount
    let parts = await withTaskGroup(of: (Int, Result<[NewTask], TaskQueueError>).self) { group in
      for (index, start) in stride(from: 0, to: payloads.count, by: share).enumerated() {
        let slice = payloads[start..<min(start + share, payloads.count)]
        group.addTask {
          do throws(TaskQueueError) { return (index, .success(try encode(slice))) } catch {
            return (index, .failure(error))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    var tasks: [NewTask] = []
    tasks.reserveCapacity(payloads.count)
    for index in parts.keys.sorted() { tasks += try parts[index]?.get() ?? [] }
    return tasks
  }

  private func encode(_ payloads: ArraySlice<Payload>) throws(TaskQueueError) -> [NewTask] {
    var tasks: [NewTask] = []
    tasks.reserveCapacity(payloads.count)
    for payload in payloads { tasks.append(try encode(payload)) }
    return tasks
  }
}
