import ArgumentParser

/// `payments`: outgoing payments on a durable queue.
@main
struct PaymentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "payments",
    abstract: "Outgoing payments on TaskQueue: each is executed exactly once, whatever is lost or repeated.",
    subcommands: [
      DemoCommand.self, ServeCommand.self, ProviderCommand.self, ServicesCommand.self, ClientCommand.self,
      ReconcileCommand.self, LedgerCommand.self, KeysCommand.self, ChaosCommand.self, ThroughputCommand.self,
    ]
  )
}
