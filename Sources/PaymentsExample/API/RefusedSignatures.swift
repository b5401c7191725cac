import Logging
import Synchronization
import TaskQueueHTTP
import TaskQueuePrometheus

/// Counts requests whose signature is refused, and tells the log of them: the first one, and then how many came since, once a
/// ``period``. Anybody can send them.
final class RefusedSignatures: Sendable {
  static let period = Duration.seconds(60)

  private struct Silence {
    var until: ContinuousClock.Instant
    var count = 0
  }

  private let metrics: PrometheusMetrics
  private let logger: Logger
  /// By sender: the providers, and the inventory service.
  private let silences = Mutex<[String: Silence]>([:])

  init(metrics: PrometheusMetrics, logger: Logger) {
    self.metrics = metrics
    self.logger = logger
  }

  /// Runs `verify` and notes what it refuses.
  /// - Parameter sender: as it should be; never what the request says.
  func noting(_ sender: String, _ verify: () throws(SignatureError) -> Void) throws(SignatureError) {
    do { try verify() } catch {
      note(sender, error)
      throw error
    }
  }

  private func note(_ sender: String, _ error: SignatureError) {
    metrics.increment("payments_signatures_refused_total", [("from", sender), ("reason", "\(error.code)")])
    let now = ContinuousClock.now
    let untold: Int? = silences.withLock { silences in
      if let silence = silences[sender], now < silence.until {
        silences[sender]?.count += 1
        return nil
      }
      let before = silences[sender]?.count ?? 0
      silences[sender] = Silence(until: now + Self.period)
      return before
    }
    guard let untold else { return }
    logger.warning(
      "a signature was refused: the secret differs, a clock is wrong, or somebody forges",
      metadata: ["from": "\(sender)", "reason": "\(error.code)", "notTold": "\(untold)"]
    )
  }
}
