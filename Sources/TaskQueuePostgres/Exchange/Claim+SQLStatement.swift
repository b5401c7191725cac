public import TaskQueue

extension Claim {
  /// What completes the claimed task in a transaction of another driver: what else that writes commits if and only if this does.
  ///
  /// Send it first, so that a worker that lost its lease does none of the work. It fails with SQLSTATE `TQ001` if the claim no longer
  /// holds the task; roll back. The task's row stays locked until the transaction ends: keep it short. The handler then returns
  /// ``TaskOutcome/settledInTransaction``.
  ///
  /// - Parameter schema: TaskQueue's.
  /// - Throws: `invalidName`; nothing is sent by this call in any case.
  public func completionStatement(schema: String = "taskqueue") throws(TaskQueueError) -> SQLStatement {
    let schema = try SchemaName(schema)
    return SQLStatement(
      text: "SELECT \(schema.quoted).complete($1::text::bigint, $2::text::bigint)",
      parameters: [String(id.rawValue), String(token)]
    )
  }
}
