import Foundation
import Libpq
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("S70 to S72 What people see is read by index and within bounds", .serialized)
struct OperatingPlanTests {
  @Test("With 100,000 tasks no statement scans a table, and none looks at more rows than the bound")
  func plans() async throws {
    try await withStore { store in
      try await OperatingScale(live: 100_000, dead: 100_000, done: 100_000).fill(store)
      // auto_explain writes to the client as notices; psql prints those to standard error.
      let settings = """
        SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
        SET auto_explain.log_timing = off; SET auto_explain.log_level = notice; SET client_min_messages = notice
        """
      let hour = store.historyStatements.throughput.sql.replacing("$1", with: "interval '1 h'").replacing(
        "$2",
        with: "10000"
      )
      for (name, sql) in OperatingScale.reads + [("the last hour", hour)] {
        let output = try await Psql.run(
          store.configuration.connection.connectionString,
          ["-c", "LOAD 'auto_explain'", "-c", settings, "-c", sql]
        )
        #expect(output.status == 0, "\(name): \(output.errors)")
        let text = output.errors
        for table in ["task", "dead_task", "done", "effect", "step", "limit_pace", "throughput_minute"] {
          #expect(
            text.firstMatch(of: try Regex("Seq Scan on \(table)(_[0-9]+|_rest)?( |$)")) == nil,
            "\(name): \(text)"
          )
        }
        #expect(!text.contains("JIT"), "\(name): \(text)")
        // A node's rows, those that its filter removed among them.
        for node in text.split(separator: "->") where node.contains("Scan") && node.contains(" on ") {
          let rows = node.firstMatch(of: /rows=([\d.]+) loops=(\d+)\)/).map {
            (Double($0.1) ?? 0) * (Double($0.2) ?? 0)
          }
          let removed = node.firstMatch(of: /Rows Removed by Filter: (\d+)/).flatMap { Double($0.1) } ?? 0
          #expect((rows ?? 0) + removed <= 10_001, "\(name): \(node)")
        }
      }
    }
  }
}
