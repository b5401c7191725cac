import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres

/// Counts the jobs in the database, as often as somebody needs to know.
struct DepthReader: Service {
  /// While the producer follows the depth.
  private static let depthInterval: Duration = .milliseconds(200)
  /// After a count that failed: so that a connection that was cut off costs no sample.
  private static let pause: Duration = .milliseconds(500)

  let client: TaskClient<PostgresTaskStore>
  let settings: AdapterSettings
  let meter: Meter

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while let interval, !Task.isCancelled {
        let counts = try? await client.counts()
        meter.depth = counts.map { counts in
          var depth = Meter.Depth()
          for count in counts where count.type == BenchJob.taskType {
            switch count.state {
            case .due: depth.due += count.count
            case .running: depth.running += count.count
            case .waiting: depth.waiting += count.count
            default: break
            }
          }
          return depth
        }
        try? await Task.sleep(for: counts == nil ? min(Self.pause, interval) : interval)
      }
    }
    try? await gracefulShutdown()
  }

  /// nil: nobody needs it. Counting reads the whole table, so once per sample is enough.
  private var interval: Duration? {
    if case .depth = settings.production { return Self.depthInterval }
    return settings.isObserver ? .seconds(settings.sampleSeconds) : nil
  }
}
