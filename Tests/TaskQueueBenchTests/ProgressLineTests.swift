import Synchronization
import Testing

@testable import TaskQueueBench

@Suite("Progress")
struct ProgressLineTests {
  private final class Written: Sendable {
    let text = Mutex("")
  }

  private func line(steps: Int, isTerminal: Bool, _ written: Written) -> ProgressLine {
    ProgressLine(steps: steps, estimates: false, isTerminal: isTerminal) { text in
      written.text.withLock { $0 += text }
    }
  }

  @Test("In a pipe each step is a line, and quick updates say nothing")
  func pipe() {
    let written = Written()
    let progress = line(steps: 2, isTerminal: false, written)
    progress.step("first")
    progress.update("first, half")
    progress.step("second")
    progress.finish()
    #expect(written.text.withLock { $0 } == "[1/2] first\n[2/2] second\n")
  }

  @Test("On a terminal one line is rewritten, and cleared at the end")
  func terminal() {
    let written = Written()
    let progress = line(steps: 2, isTerminal: true, written)
    progress.step("first")
    progress.update("first, half")
    progress.finish()
    #expect(written.text.withLock { $0 } == "\r\u{1B}[K[1/2] first\r\u{1B}[Kfirst, half\r\u{1B}[K")
  }

  @Test("The time left follows from the steps done so far")
  func estimate() {
    #expect(ProgressLine.line("x", done: 0, total: 4, seconds: 0) == "[1/4] x")
    #expect(ProgressLine.line("x", done: 1, total: 4, seconds: 30) == "[2/4] x · about 1 min 30 s left")
    #expect(ProgressLine.line("x", done: 1, total: 4, seconds: nil) == "[2/4] x")
    #expect(ProgressLine.line("x", done: 3, total: 0, seconds: 30) == "x")
  }
}
