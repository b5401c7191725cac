/// What the handler of a flow calls, in order.
struct FlowPlan: Sendable {
  enum Call: Sendable {
    /// Its body takes so long.
    case step(Duration)
    case sleep(Duration)
    /// nil: without a timeout.
    case event(String, timeout: Duration?)
    case compensation
  }

  var calls: [Call]
  /// Gives up at its end, and is undone.
  var isDiscarded = false
  /// Each of its awaits takes its process down, once.
  var crashes = false
}

/// Something that flows wait for, from outside.
struct EventPlan: Sendable {
  var key: String
  var at: Duration
}
