/// What renewing one claim brought.
@_spi(Store) public enum Renewal: Hashable, Sendable {
  case renewed
  /// Renewed, and the handler is to be cancelled.
  case cancelRequested
  /// The claim holds the task, but somebody has locked its row: its lease ends when it did before. Nobody can claim it until the lock goes.
  case busy
  /// The claim no longer holds the task.
  case lost
}
