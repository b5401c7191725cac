import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a cause is about: where one can do something about it, and when it ends by itself. For the links of a task's page and for the API.
struct CauseSubject: Equatable {
  var queue: QueueName?
  var limit: TaskLimit?
  /// Other tasks, the one that counts most first.
  var tasks: [TaskID] = []
  var until: Date?
}

extension TaskExplanation.Cause {
  var subject: CauseSubject {
    switch self {
    case .done(_, let until), .finished(let until), .running(_, let until, _, _), .delayed(let until),
      .sleeping(_, let until), .retrying(_, let until, _):
      CauseSubject(until: until)
    case .event(_, let until), .children(_, _, _, let until): CauseSubject(until: until)
    case .queuePaused(let queue, _), .noWorker(let queue), .noWorkerForType(_, let queue, _): CauseSubject(queue: queue)
    case .limitPaused(let limit): CauseSubject(limit: limit)
    case .limitClosed(let limit, let until), .limitRate(let limit, let until, _):
      CauseSubject(limit: limit, until: until)
    case .limitHeld(let limit, let letter): CauseSubject(limit: limit, tasks: [letter])
    case .limitWaits(let limit, let task, let until): CauseSubject(limit: limit, tasks: [task], until: until)
    case .limited(let limit, _, _, _, _, let holders): CauseSubject(limit: limit, tasks: holders.map(\.task))
    default: CauseSubject()
    }
  }
}
