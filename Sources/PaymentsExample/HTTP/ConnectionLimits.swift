/// What one client may take of the server.
struct ConnectionLimits: Sendable {
  /// Connections at one time; more wait in the system's queue.
  var connections = 4096
  /// Longest silence, also in the middle of the request's header.
  var idle = Duration.seconds(15)
  /// From the header's end to the body's.
  var body = Duration.seconds(10)
  /// From the answer's first byte to its last.
  var answer = Duration.seconds(20)
  /// All header fields of a request together.
  var headerBytes = 16 * 1024
  var headers = 100
}
