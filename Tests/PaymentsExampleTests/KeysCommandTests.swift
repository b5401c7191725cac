import ArgumentParser
import PaymentsExample
import TaskQueueHTTP
import Testing

@testable import payments

@Suite("The keys' and the server's command line")
struct KeysCommandTests {
  @Test("A key is for a caller with a plain name, and for something")
  func add() throws {
    let add = try KeysCommand.Add.parse(["shop-1", "--scope", "create", "--scope", "read", "--lifetime", "90m"])
    #expect(add.scope == [.create, .read])
    #expect(add.lifetime == .seconds(5400))
    for wrong in [
      ["shop"], ["Shop", "--scope", "read"], ["worker", "--scope", "read"], ["shop", "--scope", "all"],
      ["shop", "--scope", "read", "--lifetime", "0s"], ["--scope", "read"],
    ] {
      #expect(throws: (any Error).self, "\(wrong)") { try KeysCommand.Add.parse(wrong) }
    }
  }

  @Test("What is reached from elsewhere has a rate for strangers; addresses need a port")
  func access() throws {
    func settings(_ arguments: [String], host: String) throws -> PaymentsApp.Settings {
      var settings = PaymentsApp.Settings(host: host)
      try AccessOptions.parse(arguments).apply(to: &settings)
      return settings
    }
    #expect(try settings([], host: "127.0.0.1").addressLimit == nil)
    #expect(try settings([], host: "0.0.0.0").addressLimit == RateLimit(perSecond: 50))
    #expect(try settings(["--address-rate", "0", "--caller-rate", "0"], host: "0.0.0.0").callerLimit == nil)
    let apart = try settings(
      ["--callback-port", "0", "--metrics-port", "9", "--metrics-host", "::1"],
      host: "localhost"
    )
    #expect(apart.callbackAddress == ListenAddress(host: "127.0.0.1", port: 0))
    #expect(apart.metricsAddress == ListenAddress(host: "::1", port: 9))
    for wrong in [
      ["--callback-host", "::1"], ["--metrics-host", "::1"], ["--metrics-port", "70000"], ["--caller-rate", "-1"],
      ["--caller-rate", "nan"],
    ] {
      #expect(throws: (any Error).self, "\(wrong)") { try AccessOptions.parse(wrong) }
    }
    #expect(throws: (any Error).self) { try ServeCommand.parse(["--api-only", "--worker-only"]) }
  }
}
