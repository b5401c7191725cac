import CoreMetrics
package import TaskQueuePrometheus

/// What the payments tell of themselves.
extension PrometheusMetrics {
  package static func payments() -> PrometheusMetrics {
    var options = PrometheusOptions()
    options.help = [
      "http_requests_total": "Requests by operation; none: no path of ours.",
      "http_request_duration": "How long requests took.",
      "payments_open": "Payments that are not final.",
      "payments_backlog_limit": "How many payments may be open.",
      "payments_stopped": "Payments that a person has to look at.",
      "payments_callbacks_total": "Callbacks taken.",
      "payments_signatures_refused_total": "Callbacks and inventory events answered 401.",
      "payments_provider_breaker": "1 for the state that the breaker is in.",
      "payments_provider_calls_refused_total": "Calls that were not made.",
      "payments_reconciliation": "The counts of the last comparison of books.",
      "payments_reconciliation_clean": "1 if nobody has to look at the last comparison.",
      "payments_reconciliation_finished_seconds": "When the last comparison ended, in seconds since 1970.",
      "payments_events_waiting": "Events that are not published yet.",
      "payments_events_oldest_seconds": "Age of the oldest event that is not published yet.",
    ]
    return PrometheusMetrics(options: options)
  }

  func increment(_ name: String, _ labels: [(String, String)] = []) {
    makeCounter(label: name, dimensions: labels).increment(by: 1)
  }

  func set(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
    makeMeter(label: name, dimensions: labels).set(Int64(value))
  }

  func record(_ name: String, _ duration: Duration, _ labels: [(String, String)] = []) {
    let (seconds, attoseconds) = duration.components
    makeTimer(label: name, dimensions: labels).recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
