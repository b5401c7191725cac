import ArgumentParser
import Foundation
import Libpq
import Logging
import NIOHTTP1
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Several providers by name")
struct ProvidersTests {
  @Test("After a switch new payments go to the other provider, and those on their way stay with theirs")
  func switched() async throws {
    let faults = ProviderFaults(processingTime: .milliseconds(800))
    try await ProvidersFixture.with(["main": faults, "backup": faults]) { fixture in
      var payments: [Payment] = []
      try await fixture.serve(["main", "backup"]) { process in
        payments = try await process.create(6, at: nil, "before")
        try await eventually("half of them are known to the provider") {
          fixture.simulators["main"]?.ledger.entries.count ?? 0 >= 3
        }
      }
      #expect(payments.map(\.provider) == Array(repeating: "main", count: 6))
      try await fixture.serve(["backup", "main"]) { process in
        payments += try await process.create(3, at: nil, "after")
        payments += try await process.create(2, at: "main", "named")
        let finals = try await process.finals(payments, atMost: .seconds(60))
        #expect(finals.allSatisfy { $0.status == .done })
        let names = Array(repeating: "main", count: 6) + Array(repeating: "backup", count: 3) + ["main", "main"]
        #expect(finals.map(\.provider) == names)
        for payment in finals {
          let other = payment.provider == "main" ? "backup" : "main"
          #expect(fixture.executions(payment, at: payment.provider) == 1)
          #expect(fixture.simulators[other]?.ledger.entries(reference: payment.reference).isEmpty == true)
        }
      }
    }
  }

  @Test("A payment whose provider a process doesn't know waits for one that does")
  func unknown() async throws {
    try await ProvidersFixture.with(["main": .none, "backup": .none]) { fixture in
      var payments: [Payment] = []
      try await fixture.serve(["main"], works: false) { payments = try await $0.create(2, at: nil, "k") }
      try await fixture.serve(["backup"]) { process in
        try await eventually("both tasks were tried and left") {
          let tasks = try await process.tasks(InitPayment.taskType)
          return tasks.count == 2 && tasks.allSatisfy { $0.state == .waiting && $0.failures == 0 }
        }
        let answer = try await process.post("/payments/\(payments[0].id)/cancel")
        #expect(answer.status == 200, "nothing was sent yet")
      }
      try await fixture.serve(["backup", "main"]) { process in
        let finals = try await process.finals(payments, atMost: .seconds(60))
        #expect(finals.map(\.status) == [.cancelled, .done])
        #expect(fixture.executions(payments[1], at: "main") == 1)
        #expect(fixture.simulators["backup"]?.ledger.entries.isEmpty == true)
      }
    }
  }

  @Test("A process says once a minute which provider it doesn't know")
  func unknownIsLogged() throws {
    let recorder = LogRecorder()
    let providers = try PaymentProviders(
      ["main": OneIdProvider(id: "x")],
      primary: "main",
      logger: Logger(label: "test", factory: { _ in recorder })
    )
    for _ in 1...3 {
      let error = #expect(throws: UnknownProvider.self) { try providers.provider("gone") }
      #expect(error?.taskOutcome?.name == "snoozed", "it costs no attempt")
    }
    #expect(recorder.text.components(separatedBy: "gone").count == 2)
  }

  @Test("A request may name a provider that there is; another one is 422 and leaves the key unused")
  func named() async throws {
    try await ProvidersFixture.with([:]) { fixture in
      try await fixture.serve(["main", "backup"], works: false) { process in
        func create(_ provider: String) async throws -> PaymentsFixture.Answer {
          let body = #"{"userId":"u","amount":100,"currency":"EUR","provider":\#(provider)}"#
          return try await process.post("/payments", body, key: "k")
        }
        for name in [#""nobody""#, #""""#, "7", #""MAIN""#] {
          let answer = try await create(name)
          #expect(answer.problem == .invalidFields)
          #expect(String(decoding: answer.body, as: UTF8.self).contains("\"/provider\""))
        }
        #expect(try await create(#""backup""#).json(Payment.self).provider == "backup")
      }
    }
    #expect(throws: CommandError.self) { try PaymentProviders(["A": OneIdProvider(id: "x")], primary: "A") }
    #expect(throws: CommandError.self) { try PaymentProviders(["a": OneIdProvider(id: "x")], primary: "b") }
  }

  @Test("Callbacks of one provider never touch or hide those of another, nor does its secret sign them")
  func callbacks() async throws {
    try await ProvidersFixture.with([:]) { fixture in
      try await fixture.serve(["main", "backup"], works: false) { process in
        let payments = try await process.create(1, at: "main", "a") + process.create(1, at: "backup", "b")
        for payment in payments { try await process.apply(.registered(id: "same", .initial), to: payment) }
        func call(_ path: String, _ name: String) async throws -> UInt {
          let secret = ProvidersFixture.secret(name)
          return try await process.post(callbackFor: "same", secret: secret, path: PaymentAPI.callbackPath + path)
        }
        func checked() async throws -> [PaymentID] {
          try await process.checks().map { task in
            try JSONDecoder().decode(CheckPayment.self, from: task.payload).paymentId
          }
        }
        #expect(try await call("/main", "backup") == 401)
        #expect(try await call("/backup", "main") == 401)
        #expect(try await call("/nobody", "main") == 404)
        #expect(try await checked().isEmpty)
        #expect(try await call("/backup", "backup") == 202)
        #expect(try await checked() == [payments[1].id])
        #expect(try await call("", "backup") == 401, "the path without a name is the primary's")
        #expect(try await call("", "main") == 202)
        #expect(Set(try await checked()) == Set(payments.map(\.id)), "its event has the same id")
      }
    }
    let named = try PaymentProviders(
      ["provider": OneIdProvider(id: "x"), "new": OneIdProvider(id: "x")],
      primary: "new"
    )
    #expect(named.unnamed == "provider", "a switch doesn't move the first one's callbacks")
  }

  @Test("Each provider's books are compared with the payments that are with it")
  func reconciled() async throws {
    let faults = ProviderFaults(processingTime: .milliseconds(20))
    let settings = PaymentsFixture.settings {
      $0.upkeep = UpkeepSettings(reconciliationPeriod: .seconds(1))
    }
    try await ProvidersFixture.with(["main": faults, "backup": faults]) { fixture in
      try await fixture.serve(["main", "backup"], settings: settings) { process in
        let payments = try await process.create(3, at: "main", "a") + process.create(2, at: "backup", "b")
        _ = try await process.finals(payments)
        let pool = fixture.client.pool
        try await eventually("both books agree") {
          let last = try await ReconciliationStore.last(in: pool).map(\.report)
          return last.map(\.provider) == ["backup", "main"] && last.map(\.matched) == [2, 3]
        }
        let reports = try await ReconciliationStore.last(in: pool).map(\.report)
        #expect(reports.allSatisfy { $0.isClean }, "\(reports.map(\.lines))")
        #expect(reports.flatMap(\.clearing).map(\.account) == ["clearing:backup", "clearing:main"])
        #expect(reports.flatMap(\.clearing).allSatisfy { $0.amount == .zero })
        let metrics = String(decoding: try await process.send(.GET, "/metrics").body, as: UTF8.self)
        for name in ["main", "backup"] {
          #expect(metrics.contains("payments_reconciliation_clean{provider=\"\(name)\"} 1\n"))
        }
        // What one provider has under the reference of a payment that is with the other isn't that payment.
        let stray = ProviderPaymentRequest(
          reference: payments[0].reference,
          userId: "u",
          amount: 5,
          currency: "EUR",
          description: ""
        )
        let backup = try process.app.providers.provider("backup")
        _ = try await backup.create(stray, idempotencyKey: "stray")
        let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
        let report = try await ReconciliationRun(database: pool, provider: backup, providerName: "backup")
          .report(window, grace: .zero)
        #expect(report.isClean && report.count(.orphanedHarmless) == 1, "\(report.lines)")
      }
      var arguments = ["--database-url", fixture.database, "--json", "--grace", "0s"]
      for (name, url) in fixture.urls { arguments += ["--provider", "\(name)=\(url)"] }
      try await ReconcileCommand.parse(arguments).run()
      try await ReconcileCommand.parse(arguments + ["--only", "main"]).run()
      let unknown = await #expect(throws: ExitCode.self) {
        try await ReconcileCommand.parse(arguments + ["--only", "nobody"]).run()
      }
      #expect(unknown?.rawValue == 2)
      // Under each other's names nothing fits.
      let swapped = [
        "--provider", "main=\(fixture.urls["backup"] ?? "")", "--provider", "backup=\(fixture.urls["main"] ?? "")",
      ]
      let different = await #expect(throws: ExitCode.self) {
        try await ReconcileCommand.parse(["--database-url", fixture.database, "--grace", "0s"] + swapped).run()
      }
      #expect(different?.rawValue == 1)
    }
  }

  @Test("Two providers may give a payment, and a refund, the same id")
  func sameIds() async throws {
    try await ProvidersFixture.with([:]) { fixture in
      try await fixture.serve(["main", "backup"], works: false) { process in
        for (name, key) in [("main", "a"), ("backup", "b")] {
          let payment = try await process.create(1, at: name, key)[0]
          try await process.apply(.registered(id: "same", .initial), to: payment)
          _ = try await fixture.client.pool.query(
            "INSERT INTO payments.refund (payment_id, amount, reason, provider_id) VALUES ($1, 1, '', 'same')",
            [.id(payment.id)]
          )
        }
      }
    }
  }

  @Test("Providers are options: by name, the first is the primary, the short form has the default name")
  func options() throws {
    func targets(_ given: [String]) throws -> [ProviderOptions.Target] {
      try ProviderOptions.parse(given.flatMap { ["--provider", $0] }).targets()
    }
    #expect(try targets([]) == [.init(name: "provider", url: "http://127.0.0.1:8090")])
    #expect(try targets(["http://127.0.0.1:1/x?a=b"]) == [.init(name: "provider", url: "http://127.0.0.1:1/x?a=b")])
    #expect(
      try targets(["main=http://127.0.0.1:1", "backup=stripe"]) == [
        .init(name: "main", url: "http://127.0.0.1:1"), .init(name: "backup", url: nil),
      ]
    )
    for wrong in [["main=http", "main=stripe"], ["a=stripe", "b=stripe"], ["a=http", "http"]] {
      #expect(throws: CommandError.self, "\(wrong)") { try targets(wrong) }
    }
    func secrets(_ given: [String], _ names: [String]) throws -> [String: [String]] {
      try SecretOption.byProvider(given, variable: "NONE", names: names, environment: [:])
    }
    #expect(
      try secrets(["main=a", "main=b", "backup=c=", "backup="], ["main", "backup"]) == [
        "main": ["a", "b"], "backup": ["c="],
      ]
    )
    #expect(try secrets(["x=y"], ["main"]) == ["main": ["x=y"]])
    let error = #expect(throws: CommandError.self) { try secrets(["hidden"], ["main", "backup"]) }
    #expect(error.map { "\($0)".contains("hidden") } == false)
    let environment = ["V": "main=a,backup=b"]
    #expect(
      try SecretOption.byProvider([], variable: "V", names: ["main", "backup"], environment: environment).count == 2
    )
    #expect(try ServeCommand.parse([]).maxRetry == .seconds(900))
  }
}
