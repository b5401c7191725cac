@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension NewTask {
  /// What enqueues this task in a transaction of another driver: the task exists when that commits, and never did when it rolls back.
  ///
  /// Returns one row: `task_id` (`bigint`) and `is_new` (`boolean`; false: `task_id` is the task that has the unique key already). The
  /// server refuses a payload that is not JSON.
  ///
  /// - Parameters:
  ///   - schema: TaskQueue's.
  ///   - wakes: Whether workers are told at commit; otherwise they notice within their poll interval. False where `PREPARE TRANSACTION` follows,
  ///     which PostgreSQL refuses after a NOTIFY.
  /// - Throws: ``TaskQueueError`` with `invalidName`, `invalidOption`, `payloadTooLarge` (headers) or `encodingFailed`; nothing is sent by this call in any case.
  public func enqueueStatement(schema: String = "taskqueue", wakes: Bool = true) throws(TaskQueueError) -> SQLStatement
  {
    let schema = try SchemaName(schema)
    try EnqueueOptions.validateHeaders(headers)
    let encoder = JSONEncoder()
    var arguments: [String] = []
    var parameters: [String?] = []
    for column in TaskColumn.all {
      guard let text = try column.text(of: self, encoder) else {
        // An empty array stands for the default.
        arguments.append("'{}'")
        continue
      }
      parameters.append(text)
      arguments.append("ARRAY[$\(parameters.count)::text::\(column.sqlType)]")
    }
    arguments.append("\(wakes)")
    if let limit {
      parameters.append(limit.stored)
      arguments.append("ARRAY[$\(parameters.count)::text]")
    }
    return SQLStatement(
      text: "SELECT task_id, is_new FROM \(schema.quoted)._enqueue_many(\(arguments.joined(separator: ", ")))",
      parameters: parameters
    )
  }
}
