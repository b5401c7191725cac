import Metrics

/// Counts what clients and flows store: not those whose unique keys were taken.
struct EnqueueMetrics: TaskMiddleware {
  private let counters = Instruments { MetricName.enqueued.counter($0, $1) }

  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    let results = try await next(tasks)
    var start = tasks.startIndex
    for index in tasks.indices {
      let following = index + 1
      if following < tasks.endIndex, tasks[following].type == tasks[index].type,
        tasks[following].queue == tasks[index].queue
      {
        continue
      }
      let count = results[min(start, results.count)..<min(following, results.count)].count(where: \.isNew)
      if count > 0 { counters.instrument(of: tasks[index].queue, tasks[index].type).increment(by: count) }
      start = following
    }
    return results
  }
}
