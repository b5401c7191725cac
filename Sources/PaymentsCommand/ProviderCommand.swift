import ArgumentParser
import AsyncHTTPClient
import Logging
import PaymentsExample
import PaymentsLab
import ServiceLifecycle
import UnixSignals

/// `payments provider`: the simulated provider on its own.
struct ProviderCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "provider",
    abstract: "Run the simulated payment provider: HTTP on the loopback interface, its own books, and faults.",
    discussion: "GET /v1/ledger shows the books. Rates are probabilities per request, between 0 and 1."
  )

  @Option(help: "TCP port; 0: any free one.")
  var port = 8090

  @Option(name: .customLong("callback-url"), help: "Where a final payment is announced. None: no callbacks.")
  var callbackURL: String?

  @Option(help: "Callbacks are signed with it. \(SecretOption.advice)")
  var secret: String?

  @Option(help: "The bearer token that every call needs. None: calls need no key.")
  var key: String?

  @Option(help: "The same seed gives the same faults.")
  var seed: UInt64 = 1

  @OptionGroup(title: "Faults")
  var faults: FaultOptions

  @Flag(
    help: ArgumentHelp(
      "Report on standard output and end when standard input closes: for a parent process.",
      visibility: .hidden
    )
  )
  var supervised = false

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("A port is between 0 and 65535.") }
    do { try faults.faults.validate() } catch { throw ValidationError("\(error)") }
  }

  func run() async throws {
    try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
      try await run(client)
    }
  }

  private func run(_ client: HTTPClient) async throws {
    let logger = Log.make("provider")
    let secrets = SecretOption.callbackSecrets(secret.map { [$0] } ?? [])
    if callbackURL != nil, secrets.isEmpty {
      logger.warning("no secret for callbacks: whoever gets them will refuse them")
    }
    let simulator = ProviderSimulator(
      faults: faults.faults,
      seed: seed,
      port: port,
      callbackURL: callbackURL,
      secret: secrets.first ?? "",
      key: key,
      callbacks: CallbackSender(client: client, logger: logger),
      logger: Log.quiet("provider.http")
    )
    let announcement = ClosureService {
      let port = try await simulator.port()
      if supervised {
        ParentProcess().listening(port)
      } else {
        logger.notice("provider listens", metadata: ["url": "http://127.0.0.1:\(port)"])
      }
      try? await gracefulShutdown()
    }
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
      .init(service: simulator), .init(service: announcement),
    ]
    if supervised { services.append(ParentProcess().service) }
    let group = ServiceGroup(
      configuration: .init(
        services: services,
        gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Log.quiet("provider.lifecycle")
      )
    )
    try await group.run()
  }
}
