import ChildProcesses
import Foundation
import Synchronization
import TaskQueueTestKit
import Testing

@Suite("Child processes")
struct ChildProcessTests {
  @Test("All that a program writes is read, and its end, also if it ends at once", .timeLimit(.minutes(5)))
  func writesAndEnds() async throws {
    for round in 1...50 {
      let count = round % 2 == 0 ? 100_000 : 10
      let process = try ChildProcess(shell("head -c \(count) /dev/zero; echo; printf last"))
      let lines = Mutex<[String]>([])
      process.onLine { line in lines.withLock { $0.append(line) } }
      await process.waitForEnd()
      #expect(process.exit == .exited(0))
      #expect(lines.withLock { $0.map(\.utf8.count) } == [count, 4])
      #expect(lines.withLock { $0.last } == "last")
    }
  }

  @Test("The status says whether it ended by itself or by a signal")
  func exits() async throws {
    #expect(try await ChildProcess.run(shell("exit 3")).exit == .exited(3))
    #expect(try await ChildProcess.run(shell("kill -9 $$")).exit == .killed(SIGKILL))
    let process = try ChildProcess(shell("read -r line"))
    #expect(process.isRunning && process.exit == nil)
    #expect(await !process.waitForExit(atMost: .milliseconds(10)))
    process.send(SIGKILL)
    #expect(await process.waitForExit())
    #expect(process.exit == .killed(SIGKILL))
    process.send(SIGKILL)
  }

  @Test("It hears us, and ends with its input: on request, and with the last reference")
  func input() async throws {
    var process: ChildProcess? = try ChildProcess(shell("while read -r line; do echo \"heard $line\"; done; echo end"))
    try process?.write("one\ntwo\n")
    #expect(process?.readLine() == "heard one")
    #expect(process?.readLine() == "heard two")
    process?.closeInput()
    #expect(throws: ChildProcessError.self) { try process?.write("three\n") }
    #expect(process?.readLine() == "end")
    #expect(process?.readLine() == nil)

    process = try ChildProcess(shell("read -r line"))
    let id = try #require(process?.id)
    process = nil
    try await eventually("the child is gone") { kill(id, 0) == -1 }
  }

  @Test("Writing to a program that is gone is an error, and no signal")
  func gone() async throws {
    let process = try ChildProcess(shell("exit 0"))
    await process.waitForExit()
    #expect(throws: ChildProcessError.self) { try process.write("hello\n") }
  }

  @Test("Output and messages come apart or together, as the command says; variables are added")
  func streams() async throws {
    var command = shell("echo \"out $ADDED\"; echo message >&2")
    command.environment["ADDED"] = "more"
    command.errors = .pipe
    let apart = try await ChildProcess.run(command)
    #expect(apart.output == "out more\n" && apart.errors == "message\n")
    command.errors = .output
    #expect(try await ChildProcess.run(command).output == "out more\nmessage\n")
    command.errors = .discarded
    command.output = .discarded
    let silent = try ChildProcess.runBlocking(command)
    #expect(silent.output.isEmpty && silent.errors.isEmpty && silent.exit == .exited(0))
  }

  @Test("Both pipes may fill up at the same time")
  func fullPipes() async throws {
    var command = shell("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")
    command.errors = .pipe
    let result = try await ChildProcess.run(command)
    #expect(result.output.utf8.count == 300_000 && result.errors.utf8.count == 600_000)
  }

  @Test("A program that is missing is an error that says so, without the arguments")
  func missing() {
    #expect {
      try ChildProcess(ChildCommand("/no/such/program", ["secret"]))
    } throws: { error in
      "\(error)".contains("/no/such/program") && !"\(error)".contains("secret")
    }
  }

  #if os(Linux)
    @Test("No descriptor of ours reaches a child, also when many start at once", .timeLimit(.minutes(5)))
    func descriptors() async throws {
      // Without O_CLOEXEC.
      let ours = dup(STDERR_FILENO)
      defer { close(ours) }
      try await withThrowingTaskGroup(of: Set<String>.self) { group in
        for _ in 1...40 {
          group.addTask {
            // The shell reads the directory itself: that is one descriptor more.
            let output = try await ChildProcess.run(shell("for f in /proc/self/fd/*; do echo ${f##*/}; done")).output
            return Set(output.split(separator: "\n").map(String.init))
          }
        }
        for try await descriptors in group {
          #expect(descriptors.isSuperset(of: ["0", "1", "2"]) && descriptors.count <= 4)
        }
      }
    }
  #endif

  @Test("A cancelled run ends its program")
  func cancellation() async throws {
    let start = ContinuousClock.now
    await #expect(throws: CancellationError.self) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await ChildProcess.run(shell("exec sleep 60")) }
        group.cancelAll()
        try await group.waitForAll()
      }
    }
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test("One that ignores SIGTERM is killed when its time is over")
  func stubborn() async throws {
    let process = try ChildProcess(shell("trap '' TERM; echo ready; while :; do sleep 1; done"))
    #expect(process.readLine() == "ready")
    await process.stop(grace: .milliseconds(50))
    #expect(process.exit == .killed(SIGKILL))
    let polite = try ChildProcess(shell("trap 'exit 7' TERM; echo ready; read -r line"))
    #expect(polite.readLine() == "ready")
    await polite.stop()
    #expect(polite.exit == .exited(7))
  }
}

private func shell(_ script: String) -> ChildCommand {
  ChildCommand("/bin/sh", ["-c", script])
}
