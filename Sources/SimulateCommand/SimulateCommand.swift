import ArgumentParser
import TaskQueue
import TaskQueueSimulation

/// Tries the engine against seeds.
@main
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Several workers on one store, in virtual time; a seed decides everything.",
    discussion: "Ends with 1 at the first seed that breaks a promise, and prints a shortened history that replays."
  )

  @Option(help: "How many seeds.") var seeds = 1_000
  @Option(help: "The first one.") var from: UInt64 = 1
  @Option(help: "One seed only, with its history.") var seed: UInt64?
  @Option(help: "A fault to put back into the engine, by name; all of them with --faults.") var fault: String?
  @Flag(help: "Puts each fault back in turn, and tells how many seeds it takes to find it.") var faults = false

  @Flag(help: "Small plans, as the tests of each build.") var small = false
  @Flag(help: "Plans of 10 to 40 flows and a few tasks.") var flows = false

  private var size: SimulationSize { flows ? .flows : small ? .small : .large }

  mutating func run() throws {
    if let seed { return try show(seed) }
    if faults { return try findAll() }
    let chosen = try chosen
    guard let found = try run(chosen) else { return }
    report(found, chosen)
    throw ExitCode(1)
  }

  private var chosen: EngineFaults { get throws { try fault.map(named) ?? [] } }

  private func named(_ name: String) throws -> EngineFaults {
    guard let fault = EngineFaults.named.first(where: { $0.name == name }) else {
      throw ValidationError("Faults: \(EngineFaults.named.map(\.name).joined(separator: ", "))")
    }
    return fault.fault
  }

  /// - Returns: the first run that broke a promise.
  private func run(_ faults: EngineFaults, isQuiet: Bool = false) throws -> Simulation.Report? {
    let clock = ContinuousClock()
    let start = clock.now
    var (tasks, steps, told) = (0, 0, start)
    for offset in 0..<UInt64(seeds) {
      let report = Simulation(seed: from + offset, size: size).run(faults: faults)
      tasks += report.tasks
      steps += report.steps
      if report.violation != nil { return report }
      guard !isQuiet, told.duration(to: clock.now) > .seconds(5) || offset + 1 == seeds else { continue }
      told = clock.now
      let minutes = max(start.duration(to: told) / .seconds(60), 1e-9)
      print("\(offset + 1) of \(seeds) seeds, \(steps) steps, \(tasks) tasks, \(Int(Double(tasks) / minutes)) a minute")
    }
    return nil
  }

  private func report(_ report: Simulation.Report, _ faults: EngineFaults) {
    guard let violation = report.violation else { return }
    print("\nSeed \(report.seed) breaks a promise: \(violation.kind.rawValue): \(violation.text)")
    let shortened = Simulation(seed: report.seed, size: size).shortened(faults: faults, breaking: violation.kind)
    print("\nShortened to:")
    for line in shortened.summary { print("  \(line)") }
    print("\nWhat happens then:")
    for line in shortened.run(faults: faults, recording: true).history.suffix(200) { print("  \(line)") }
    print(
      "\nReplay: make simulate ARGS=\"--seed \(report.seed)\(fault.map { " --fault \($0)" } ?? "")\(flows ? " --flows" : small ? " --small" : "")\""
    )
  }

  private func show(_ seed: UInt64) throws {
    let report = Simulation(seed: seed, size: size).run(faults: try chosen, recording: true)
    for line in Simulation(seed: seed, size: size).summary + report.history { print(line) }
    print("\(report.steps) steps, \(report.tasks) tasks, digest \(String(report.digest, radix: 16))")
    guard report.violation != nil else { return }
    self.report(report, try chosen)
    throw ExitCode(1)
  }

  private func findAll() throws {
    for (name, fault) in EngineFaults.named {
      guard let report = try run(fault, isQuiet: true), let violation = report.violation else {
        print("\(name): not found in \(seeds) seeds")
        continue
      }
      print("\(name): found by seed \(report.seed): \(violation.kind.rawValue)")
    }
  }
}
