/// Why a running handler was cancelled.
package enum CancelReason: String, Sendable {
  case leaseLost = "its lease was lost"
  case requested = "somebody cancelled its task"
  case timeout = "it ran longer than its timeout"
  case shutdown = "the worker shuts down"
}
