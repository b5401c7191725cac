#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension NewTask {
  /// Payloads that one child task encodes at least, and child tasks at most: below, or beyond, another one costs more than it brings.
  private static var encodingShare: Int { 4_000 }
  private static var maxEncoders: Int { 4 }

  /// Encodes and validates payloads that share their options; many of them on several cores. Order is kept.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`. Nothing was sent.
  public static func encode<Payload: TaskPayload>(
    _ payloads: [Payload],
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> [NewTask] {
    guard !payloads.isEmpty else { return [] }
    let coder = try TaskEncoder<Payload>(options: options)
    let encoderCount = min(payloads.count / encodingShare, maxEncoders)
    guard encoderCount > 1 else { return try coder.encode(payloads[...]) }
    let share = (payloads.count + encoderCount - 1) / encoderCount
    let parts = await withTaskGroup(of: (Int, Result<[NewTask], TaskQueueError>).self) { group in
      for (index, start) in stride(from: 0, to: payloads.count, by: share).enumerated() {
        let slice = payloads[start..<min(start + share, payloads.count)]
        group.addTask {
          do throws(TaskQueueError) {
            return (index, .success(try TaskEncoder<Payload>(options: options).encode(slice)))
          } catch {
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
}
