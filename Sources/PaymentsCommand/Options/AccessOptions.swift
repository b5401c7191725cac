import ArgumentParser
import PaymentsExample
import TaskQueueHTTP

/// Who reaches `serve`, by what, and how often.
struct AccessOptions: ParsableArguments {
  /// Of ``addressRate`` beyond the loopback interface.
  private static let strangersRate = 50.0

  @Option(help: "A host name that the API is reached by, beside localhost, --host and addresses; repeat it.")
  var allowedHost: [String] = []

  @Option(help: "Address for callbacks and inventory events, with --callback-port. (default: 127.0.0.1)")
  var callbackHost: String?

  @Option(help: "TCP port for callbacks and inventory events; 0: any free one. (default: they come to the API's)")
  var callbackPort: Int?

  @Option(help: "Address for /metrics and /health, with --metrics-port. (default: 127.0.0.1)")
  var metricsHost: String?

  @Option(
    help: """
      TCP port for /metrics, which needs no key there, and /health; 0: any free one. (default: the API's, where /metrics \
      needs a key with the scope operate)
      """
  )
  var metricsPort: Int?

  @Option(help: "Requests per second of each caller with a key, twice as many at once; more get 429. 0: no limit.")
  var callerRate = 200.0

  @Option(
    help: """
      The same for each address, of requests without a known key. (default: 50 if --host is beyond the loopback interface, \
      else no limit)
      """
  )
  var addressRate: Double?

  func validate() throws {
    for port in [callbackPort, metricsPort].compactMap({ $0 }) {
      guard (0...65_535).contains(port) else { throw ValidationError("A port is between 0 and 65535.") }
    }
    guard callbackHost == nil || callbackPort != nil else {
      throw ValidationError("--callback-host needs --callback-port.")
    }
    guard metricsHost == nil || metricsPort != nil else {
      throw ValidationError("--metrics-host needs --metrics-port.")
    }
    for rate in [callerRate, addressRate ?? 0] {
      guard rate == 0 || (0.01...1_000_000).contains(rate) else {
        throw ValidationError("A rate is 0, or between 0.01 and 1000000 per second.")
      }
    }
  }

  func apply(to settings: inout PaymentsApp.Settings) {
    settings.allowedHosts = allowedHost
    settings.callbackAddress = callbackPort.map { ListenAddress(host: callbackHost ?? "127.0.0.1", port: $0) }
    settings.metricsAddress = metricsPort.map { ListenAddress(host: metricsHost ?? "127.0.0.1", port: $0) }
    settings.callerLimit = Self.limit(callerRate)
    let isLocal = ListenAddress(host: settings.host).isLoopback
    settings.addressLimit = Self.limit(addressRate ?? (isLocal ? 0 : Self.strangersRate))
  }

  private static func limit(_ rate: Double) -> RateLimit? {
    rate == 0 ? nil : RateLimit(perSecond: rate)
  }
}
