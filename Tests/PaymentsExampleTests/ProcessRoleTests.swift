import ServiceLifecycle
import TaskQueue
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("What a process is for")
struct ProcessRoleTests {
  private func app(_ fixture: PaymentsFixture, _ role: ProcessRole) -> PaymentsApp {
    var settings = fixture.app.settings
    settings.role = role
    settings.metricsAddress = ListenAddress()
    return PaymentsApp(
      settings: settings,
      client: fixture.app.client,
      providers: .init(fixture.provider),
      logger: Log.quiet("test")
    )
  }

  @Test("A process for the API works on nothing, one for the work listens for numbers only")
  func roles() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let (api, worker) = (app(fixture, .api), app(fixture, .worker))
      #expect(Set(api.listeners.keys) == [.api, .monitoring])
      #expect(Set(worker.listeners.keys) == [.monitoring])
      #expect(try api.services().allSatisfy { !($0 is TaskWorker) })
      #expect(try worker.services().contains { $0 is TaskWorker })
      let payments = try await fixture.create(3)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for service in try api.services() { group.addTask { try await service.run() } }
        _ = try await api.port()
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await fixture.client.payment(payments[0].id).payment.status == .created)
        for service in try worker.services() { group.addTask { try await service.run() } }
        #expect(try await fixture.finals(payments).allSatisfy { $0.status == .done })
        _ = try await worker.port(.monitoring)
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  @Test("A process that takes no requests in needs no key beyond the loopback interface")
  func exposure() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      var settings = fixture.app.settings
      settings.host = "0.0.0.0"
      for (role, isRefused) in [(ProcessRole.all, true), (.api, true), (.worker, false)] {
        settings.role = role
        let app = PaymentsApp(
          settings: settings,
          client: fixture.app.client,
          providers: .init(fixture.provider),
          logger: Log.quiet("test")
        )
        do {
          try await app.checkExposure()
          #expect(!isRefused)
        } catch is CommandError {
          #expect(isRefused)
        }
      }
    }
  }
}
