import TaskQueue

/// The handlers of flows.
extension WorkerCommand {
  func registerFlows(_ output: WorkerOutput, in handlers: inout TaskHandlers) throws {
    try handlers.register(BenchFlow.self) { flow, context in
      var times: [Int64] = []
      let steps = flow.steps ?? FlowScenario.stepsPerFlow
      times.reserveCapacity(steps)
      for step in 0..<steps {
        times.append(MonotonicTime.nanoseconds)
        _ = try await context.step("step", step) { BenchFlow.value }
        output.countHandled()
      }
      // A long one tells when each of its steps began.
      if flow.steps != nil {
        for (step, time) in times.enumerated() { output.tell(.probe(number: step, nanoseconds: time)) }
      }
      return .completed
    }
    try handlers.register(BenchFirstStep.self) { flow, context in
      _ = try await context.step("first") { BenchFlow.value }
      output.tell(.probe(number: flow.number, nanoseconds: MonotonicTime.nanoseconds))
      output.countHandled()
      return .completed
    }
    try handlers.register(BenchEventFlow.self) { flow, context in
      _ = try await context.event(BenchEventFlow.key(flow.number), as: Int.self)
      output.tell(.probe(number: flow.number, nanoseconds: MonotonicTime.nanoseconds))
      output.countHandled()
      return .completed
    }
  }
}
