import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "What is wrong with this database, and the cure.",
    discussion: """
      Looks at the schema and its drift, grants, settings, queues and types that no worker serves, types of which every attempt fails, workers of different \
      programs, effects without an outcome, late schedules, locks, what holds vacuum back, bloat, connections, the pooler and the clocks. Reads only: the cures are yours to paste.

      Exit status 2 if it found a warning or an error. Notes are worth knowing, no more. A role with pg_monitor sees most.
      """
  )

  @OptionGroup var options: CommandOptions
  @Option(help: ArgumentHelp("Look at the privileges of this role, which runs workers.", valueName: "name"))
  var workerRole: String?
  @Flag(help: "Also what was looked at.") var verbose = false

  func run() async throws {
    try await options.runWithoutStore { console, configuration in
      let doctor = try Doctor(configuration, workerRole: workerRole)
      let report = try await doctor.examine { console.progress("Looking at \($0) …") }
      console.endProgress()
      if console.form == .json {
        console.print(.doctor(report))
      } else {
        DoctorView(report: report, isVerbose: verbose).print(to: console)
      }
      guard let worst = report.worst, worst > .note else { return }
      throw ExitCode(ExitStatus.findings)
    }
  }
}

/// A report as text.
struct DoctorView {
  let report: DoctorReport
  let isVerbose: Bool

  func print(to console: Console) {
    let place =
      "PostgreSQL \(report.serverVersion), database \(report.database), role \(report.role)"
      + (report.isStandby ? ", a hot standby" : "")
    console.print(console.style(.dim, PlainText.line(place)))
    for finding in report.findings { print(finding, to: console) }
    if !report.skipped.isEmpty {
      console.section("Not looked at")
      for skipped in report.skipped { console.paragraph("\(skipped.examination): \(skipped.reason)", indent: 2, .dim) }
    }
    if isVerbose {
      console.section("Looked at")
      console.paragraph(report.examinations.joined(separator: ", "), indent: 2, .dim)
    }
    console.print()
    console.print(summary(console))
  }

  private func print(_ finding: DoctorFinding, to console: Console) {
    console.print()
    console.print(
      console.style(colour(finding.severity), "\(finding.severity)".uppercased()) + "  "
        + console.style(.bold, finding.kind.rawValue)
        + (finding.subject.isEmpty ? "" : "  " + PlainText.line(finding.subject))
    )
    console.paragraph(finding.what, indent: 2)
    console.paragraph(finding.advice, indent: 2)
    // Not wrapped: to be pasted.
    for line in finding.cure { console.print("    " + console.style(.cyan, PlainText.line(line))) }
  }

  private func colour(_ severity: DoctorFinding.Severity) -> Style.Colour {
    switch severity {
    case .note: .blue
    case .warning: .yellow
    case .error: .boldRed
    }
  }

  private func summary(_ console: Console) -> String {
    guard !report.findings.isEmpty else { return console.style(.green, "Nothing is amiss.") }
    let parts = [DoctorFinding.Severity.error, .warning, .note].compactMap { severity -> String? in
      let count = report.findings.count { $0.severity == severity }
      return count == 0 ? nil : Words.count(count, "\(severity)")
    }
    return parts.joined(separator: ", ") + "."
  }
}
