/// What a worker process is told on its standard input: one line each. The end of the input ends it at once.
enum WorkerOrder: String, Sendable {
  /// Run the workers.
  case go
  /// Report ``WorkerEvent/usage(_:)``.
  case usage
  /// Shut down gracefully.
  case stop
}
