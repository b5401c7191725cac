extension TaskClient {
  /// The live flows of a type that have begun, with their journals, by ascending id.
  ///
  /// ```swift
  /// var page = try await client.exportFlows(of: SignUp.taskType)
  /// var flows = page.flows
  /// while let next = page.next {
  ///   page = try await client.exportFlows(of: SignUp.taskType, after: next)
  ///   flows += page.flows
  /// }
  /// ```
  ///
  /// Each call looks at ``Limits/page`` live tasks at most, and reads journal and effects of each flow found: two round trips per flow. A page may be
  /// empty although another one follows. Not one moment's picture: flows go on meanwhile.
  ///
  /// - Parameters:
  ///   - id: where the page before ended; nil: from the first one.
  ///   - limit: flows at most, 1 to ``Limits/page``.
  /// - Throws: ``TaskQueueError``: `storeFailed`, `invalidConfiguration`.
  public func exportFlows(
    of type: TaskType,
    after id: TaskID? = nil,
    limit: Int = 100
  ) async throws(TaskQueueError) -> FlowExport {
    let limit = max(1, min(limit, Limits.page))
    let page = try await contract.tasks(after: id, limit: Limits.page)
    let ledger = contract as? any EffectLedger
    var flows: [FlowRecording] = []
    for task in page where task.type == type {
      let steps = try await steps(of: task.id)
      guard !steps.isEmpty else { continue }
      flows.append(FlowRecording(task, steps, try await ledger?.effects(of: task.id) ?? []))
      if flows.count == limit { return FlowExport(flows: flows, next: task.id) }
    }
    return FlowExport(flows: flows, next: page.count == Limits.page ? page.last?.id : nil)
  }
}
