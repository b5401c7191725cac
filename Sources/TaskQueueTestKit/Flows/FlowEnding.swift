public import TaskQueue

/// How a flow under test ended.
public struct FlowEnding: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  /// It came to its end.
  public static let completed = FlowEnding(description: "completed")
  /// It waits for something that never comes.
  public static let waiting = FlowEnding(description: "waits for ever")
  /// After so many attempts, or so much time, as a test allows it still runs.
  public static let endless = FlowEnding(description: "goes on without end")

  /// It was put aside, and undone if it had compensations.
  public static func deadLetter(_ reason: DeadLetterReason) -> FlowEnding {
    FlowEnding(description: "dead letter (\(reason))")
  }
}
