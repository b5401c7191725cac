import Foundation
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Child processes")
struct ChildProcessTests {
  @Test("All that a program writes is seen, and its end, also if it ends at once", .timeLimit(.minutes(5)))
  func writesAndEnds() async throws {
    for round in 1...50 {
      let count = round % 2 == 0 ? 100_000 : 10
      let process = try ChildProcess(
        program: URL(fileURLWithPath: "/bin/sh"),
        arguments: ["-c", "head -c \(count) /dev/zero"]
      )
      let output = OutputCollector()
      process.onOutput { output.add($0) }
      try await eventually("round \(round) has ended") { output.hasEnded && !process.isRunning }
      #expect(output.text.utf8.count == count)
      #expect(process.exitStatus == 0)
    }
  }
}
