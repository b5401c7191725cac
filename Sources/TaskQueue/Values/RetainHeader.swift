/// For how long a task is to be kept travels with it as a header, so that a task that is not to be kept has nothing of it.
enum RetainHeader {
  static let name = "taskqueue-retain"

  /// Whole seconds, rounded up.
  static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    return String(attoseconds > 0 ? seconds + 1 : seconds)
  }

  /// nil: none, or written by hand and no such number. However many digits it has, it is cut to the longest time.
  static func duration(in headers: [String: String]) -> Duration? {
    guard let text = headers[name], !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    guard let seconds = Int64(text) else { return Limits.longestRetention }
    return seconds > 0 ? min(.seconds(seconds), Limits.longestRetention) : nil
  }

  static func validate(_ retain: Duration?, of what: String) throws(TaskQueueError) {
    guard let retain, !(retain > .zero && retain <= Limits.longestRetention) else { return }
    throw .invalidOption("retain of \(what) must be above zero and at most 366 days, or none to keep nothing.")
  }
}
