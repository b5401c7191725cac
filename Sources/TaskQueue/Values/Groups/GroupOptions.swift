/// What holds for the tasks of every group.
enum GroupOptions {
  static func validate(_ count: Int, atMost: Int?, _ options: EnqueueOptions? = nil) throws(TaskQueueError) {
    guard count <= Limits.groupTasks else {
      throw .invalidOption("A group has at most \(Limits.groupTasks) tasks; got \(count).")
    }
    if let atMost, !(1...Limits.groupTasks ~= atMost) {
      throw .invalidOption("atMost must be in 1 … \(Limits.groupTasks); got \(atMost). Use nil for all at once.")
    }
    guard let options else { return }
    guard options.unique == nil else {
      throw .invalidOption("A task of a group has no unique key: its end could be another one's.")
    }
    guard atMost == nil || options.schedule == .now else {
      throw .invalidOption("Tasks of which so many run at a time have no delay: they are due when it is their turn.")
    }
  }
}

extension NewTask {
  func withoutUniqueKey() -> NewTask {
    var task = self
    task.unique = nil
    return task
  }
}
