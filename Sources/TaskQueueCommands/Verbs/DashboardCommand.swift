import ArgumentParser
package import TaskQueue
package import TaskQueuePostgres

struct DashboardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "The dashboard, on this machine alone, until Ctrl-C.",
    discussion: """
      Listens at 127.0.0.1 and prints an address with a password that holds for this run: other users of this machine do not know it. From elsewhere take an SSH \
      tunnel, ssh -L 8080:127.0.0.1:8080 HOST, or mount TaskQueueDashboard in your app, with its own sign-in.
      """
  )

  @OptionGroup var options: CommandOptions
  @OptionGroup(title: "Journal") var acting: ActingOptions
  @Option(help: "The port; 0 for any that is free.") var port = 8_080
  @Flag(help: "Nobody acts, whoever looks.") var readOnly = false
  @Flag(help: "Payloads, results and headers can be asked for.") var payloads = false

  func validate() throws {
    guard 0...65_535 ~= port else { throw ValidationError("--port is 0 to 65535.") }
  }

  func run() async throws {
    try await options.run { session in
      guard let serve = CommandHost.current?.servesDashboard else {
        throw Refusal.usage(
          "This program has no dashboard. The program taskqueue has one, or mount TaskQueueDashboard."
        )
      }
      // A wrong database is said here, not on a page.
      _ = try await session.client.overview()
      let password = String((0..<24).map { _ in "abcdefghijkmnpqrstuvwxyz23456789".randomElement() ?? "a" })
      // Basic authentication ends a name at its colon.
      let name = String(acting.name.map { $0 == ":" ? "-" : $0 })
      let site = DashboardSite(
        client: session.client,
        port: port,
        actor: name,
        password: password,
        isReadOnly: readOnly,
        showsPayloads: payloads
      ) { port in
        let url = "http://127.0.0.1:\(port)/"
        if session.isJSON {
          return session.console.print(["url": .string(url), "user": .string(name), "password": .string(password)])
        }
        session.console.print("The dashboard: " + session.console.style(.cyan, url))
        session.console.print("Name \(PlainText.line(name)), password \(password). Ctrl-C ends it.")
      }
      _ = try await Interruption.watch { try await serve(site) }
    }
  }
}

/// What the program `taskqueue` serves; the commands themselves know no web framework.
package struct DashboardSite: Sendable {
  package let client: TaskClient<PostgresTaskStore>
  /// Of 127.0.0.1; 0: any that is free.
  package let port: Int
  /// The name in the journal.
  package let actor: String
  /// That of the user `me`; nil: whoever is at this machine.
  package let password: String?
  package let isReadOnly: Bool
  package let showsPayloads: Bool
  /// Called with the port once it listens.
  package let isReady: @Sendable (Int) -> Void
}
