import ArgumentParser
import Testing

@testable import TaskQueueBench

@Suite("What the benchmark and its worker processes say to each other")
struct WorkerProtocolTests {
  @Test(
    "Every event survives its line",
    arguments: [
      .ready, .handled(12), .probe(number: 3, nanoseconds: 9_000_000_001),
      .usage(ProcessUsage(cpuSeconds: 1.25, peakMegabytes: 30.5)),
    ] as [WorkerEvent]
  )
  func events(event: WorkerEvent) {
    #expect(WorkerEvent(line: event.line) == event)
  }

  @Test("Other lines are no events", arguments: ["", "handled", "handled x", "probe 1", "probe 1 2 3", "ready now"])
  func noise(line: String) {
    #expect(WorkerEvent(line: line) == nil)
  }

  @Test("A worker process understands the settings that it is started with")
  func arguments() throws {
    var settings = WorkerSettings(connectionString: "postgresql:///x", schema: "s", handlers: [.noOp, .probe])
    settings.queues = ["a", "b"]
    settings.idleTypes = 100
    settings.workers = 25
    settings.connections = 16
    settings.preparesStatements = false
    settings.listens = false
    let command = try #require(try TaskQueueBench.parseAsRoot(settings.arguments) as? WorkerCommand)
    #expect(command.schema == "s")
    #expect(command.handles == [.noOp, .probe])
    #expect(command.queue == ["a", "b"])
    #expect(command.idleTypes == 100)
    #expect(command.workers == 25)
    #expect(command.connections == 16)
    #expect(!command.preparedStatements)
    #expect(!command.listener)
  }

  @Test("Connection strings, which may hold passwords, don't show among the arguments")
  func secrets() {
    var settings = WorkerSettings(connectionString: "postgresql://me:secret@/x", schema: "s")
    #expect(settings.environment == ["TASKQUEUE_BENCH_CONNECTION": "postgresql://me:secret@/x"])
    settings.listenConnectionString = "postgresql://me:secret@/y"
    #expect(settings.environment["TASKQUEUE_BENCH_LISTEN_CONNECTION"] == "postgresql://me:secret@/y")
    #expect(!settings.arguments.contains { $0.contains("secret") })
  }

  @Test(
    "Wrong options are refused before anything is started",
    arguments: [
      ["--only", "nothing"], ["--rounds", "0"], ["--tasks", "-1"], ["flat", "--only", "drain"],
      ["flat", "--minutes", "0"],
      ["scale", "--listener", "maybe"], ["soak", "--minutes", "0.1"],
    ]
  )
  func refusals(arguments: [String]) {
    #expect(throws: (any Error).self) { try TaskQueueBench.parseAsRoot(arguments) }
  }

  @Test("Without a subcommand it is the suite")
  func defaultCommand() throws {
    let command = try TaskQueueBench.parseAsRoot(["--quick", "--only", "drain,latency"])
    #expect((command as? SuiteCommand)?.only == "drain,latency")
  }
}
