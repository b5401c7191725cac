import Testing

@testable import Libpq

@Suite("What an error says")
struct ErrorTextTests {
  @Test("A description is one line, also where libpq's message has several")
  func oneLine() {
    let message =
      "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\r\n\tbefore."
    let error = LibpqError(.connectionLost, message)
    #expect(
      error.description
        == "LibpqError(connectionLost: server closed the connection unexpectedly This probably means the server terminated abnormally before.)"
    )
    #expect(error.message == message)
  }

  @Test("Times in messages are rounded, so that what repeats itself reads the same")
  func rounding() {
    #expect(Duration.nanoseconds(1_499_736_598).rounded == .milliseconds(1_500))
    #expect(Duration.nanoseconds(4_000_000_123).rounded == .seconds(4))
    #expect(Duration.nanoseconds(49_600_000).rounded == .milliseconds(50))
    #expect(Duration.zero.rounded == .zero)
  }
}
