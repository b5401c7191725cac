import Foundation
import Testing

/// What each fault does to a worker, a caller that enqueues, an effect, a listener and a shutdown.
///
/// A plain run tries a few for a short time. `TASKQUEUE_FAULTS` of the environment asks for the full run: `all`, or names separated by commas.
@Suite("Faults", .serialized)
struct FaultRuns {
  private static let all = Fault.ofServer + Fault.ofNetwork + Fault.ofTables + Fault.ofApp

  /// nil: the short run.
  private static let chosenNames = ProcessInfo.processInfo.environment["TASKQUEUE_FAULTS"].map { names in
    Set(names.split(separator: ",").map(String.init))
  }

  private static let chosen = all.compactMap { fault -> (Fault, Duration)? in
    guard let chosenNames else { return fault.shortLength.map { (fault, $0) } }
    return chosenNames.contains("all") || chosenNames.contains(fault.name) ? (fault, fault.length) : nil
  }

  @Test("S27, S31 to S35: each costs what it must and no more, and nothing is lost or done twice", arguments: chosen)
  func fault(_ fault: Fault, _ length: Duration) async throws {
    let title = "**\(fault.name)**, \(length.seconds): \(fault.meaning)"
    do {
      let observations = try await FaultBench(fault: fault, length: length).run()
      try FaultTable.add(.init(fault: title, cells: observations.cells))
      for promise in observations.broken(fault) { Issue.record("\(fault.name): not so: \(promise)") }
    } catch let reason as NotRun {
      try FaultTable.add(.init(fault: title, cells: ["not run: \(reason.reason)"] + Array(repeating: "", count: 4)))
    }
  }

  @Test("S2, S4: a worker process that stood still for longer than its lease is refused when it wakes up")
  func frozenProcess() async throws {
    let frozen = try await FrozenProcess.run()
    try FaultTable.add(.init(fault: FrozenProcess.title, cells: frozen.cells))
    for promise in frozen.broken { Issue.record("A frozen worker process: not so: \(promise)") }
  }
}
