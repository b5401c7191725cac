import Hummingbird
import Metrics
import TaskQueuePrometheus
import TaskQueueTracing
import Tracing

func sample(
  router: Router<BasicRequestContext>,
  tracer: any Tracer,
  worker: TaskWorker
) async throws {}
