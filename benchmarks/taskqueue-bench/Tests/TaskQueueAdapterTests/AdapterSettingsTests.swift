import Testing

@testable import TaskQueueAdapter

@Suite
struct AdapterSettingsTests {
  private static let database = ["DATABASE_URL": "postgres://bench@localhost/taskqueue_bench"]

  @Test("What the harness does not set has its defaults")
  func defaults() throws {
    let settings = try AdapterSettings(Self.database)
    #expect(settings.production == .rate && settings.rate == 800 && settings.batchMax == 128)
    #expect(settings.concurrency == 32 && settings.sampleSeconds == 5 && settings.isObserver)
    #expect(settings.currentRate == 800)
  }

  @Test("The harness keeps the rate where it says so, and the depth is kept here")
  func production() throws {
    func production(_ more: [String: String]) throws -> AdapterSettings.Production {
      try AdapterSettings(Self.database.merging(more) { $1 }).production
    }
    #expect(try production(["PRODUCER_PACING": "harness"]) == .ordered)
    #expect(try production(["PRODUCER_PACING": "adapter"]) == .rate)
    #expect(
      try production(["PRODUCER_PACING": "harness", "PRODUCER_MODE": "depth-target", "TARGET_DEPTH": "7"]) == .depth(7)
    )
  }

  @Test(
    "What can't be meant is refused",
    arguments: [
      ["DATABASE_URL": ""], ["SCENARIO": "all"], ["PRODUCER_MODE": "fast"], ["WORKER_COUNT": "0"],
      ["SAMPLE_EVERY_S": "often"], ["BENCH_INSTANCE_ID": "-1"],
    ]
  )
  func refusals(change: [String: String]) {
    #expect(throws: SettingsError.self) { try AdapterSettings(Self.database.merging(change) { $1 }) }
  }
}
