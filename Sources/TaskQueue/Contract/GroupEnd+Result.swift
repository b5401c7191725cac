#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension GroupEnd {
  /// The end as apps see it. A result that does not fit is the member's trouble, not the group's.
  func result<Value: Decodable>(as valueType: Value.Type, type: TaskType?) -> GroupResult<Value> {
    GroupResult(
      index: member - 1,
      task: task,
      result: Result { () throws(TaskResultError) in try value(type) },
      place: place
    )
  }

  private func value<Value: Decodable>(_ type: TaskType?) throws(TaskResultError) -> Value {
    switch outcome {
    case .completed(let json): return try TaskResultError.decoded(json, task ?? TaskID(0))
    case .dead(let reason, let detail): throw .dead(task, type, reason, detail: detail)
    case .gone: throw .notKept(task)
    }
  }
}

extension TaskResultError {
  /// - Parameter json: nil: the task returned nothing.
  static func decoded<Value: Decodable>(_ json: Data?, _ task: TaskID) throws(TaskResultError) -> Value {
    do { return try JSONDecoder().decode(Value.self, from: json ?? Data("null".utf8)) } catch {
      guard json != nil else {
        throw TaskResultError(
          .noResult,
          task,
          "It completed and returned no result; ask for an optional if that may be."
        )
      }
      // Without the error itself, which quotes the value.
      throw TaskResultError(.unreadable, task, "Its result is no \(Value.self): \(TaskFailure.message(of: error))")
    }
  }
}
