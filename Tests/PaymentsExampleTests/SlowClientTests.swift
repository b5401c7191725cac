import Foundation
import NIOHTTP1
import TaskQueueHTTP
import Testing

@testable import PaymentsExample

@Suite("Slow and broken clients")
struct SlowClientTests {
  private static let head =
    "POST /payments HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"

  private static func settings(_ change: (inout ConnectionLimits) -> Void) -> PaymentsApp.Settings {
    PaymentsFixture.settings { settings in change(&settings.connections) }
  }

  @Test("A body that trickles in is cut off with 408, however often a byte comes", .timeLimit(.minutes(1)))
  func slowBody() async throws {
    let settings = Self.settings { $0.body = .milliseconds(300) }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let parts = ["\(Self.head)Content-Length: 1000\r\n\r\n"] + Array(repeating: " ", count: 900)
      let answer = try await fixture.talk(parts, pause: .milliseconds(20))
      #expect(answer.hasPrefix("HTTP/1.1 408 "))
      #expect(answer.contains(ProblemKind.requestTimeout.type))
      #expect(try await fixture.send(.GET, "/health/live").status == 200)
    }
  }

  @Test("A header that never ends is cut off", .timeLimit(.minutes(1)))
  func slowHeader() async throws {
    let settings = Self.settings { $0.idle = .milliseconds(300) }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let parts = [Self.head] + Array(repeating: "X: y\r\n", count: 80)
      let answer = try await fixture.talk(parts, pause: .milliseconds(50))
      #expect(answer.isEmpty)
    }
  }

  @Test("Many clients that say nothing don't keep others from paying", .timeLimit(.minutes(1)))
  func silentClients() async throws {
    let settings = Self.settings { $0.idle = .seconds(2) }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 1...100 { group.addTask { try await fixture.talk(["\(Self.head)Content-Length: 10\r\n\r\n"]) } }
        for number in 1...20 {
          let status = try await fixture.post("/payments", PaymentsFixture.body, key: "k\(number)").status
          #expect(status == 202)
        }
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  /// Named, so that the test's log doesn't show 40,000 bytes.
  enum BrokenRequest: String, CaseIterable, CustomTestStringConvertible {
    case notHTTP, longHeader, badLength

    var testDescription: String { rawValue }

    var text: String {
      switch self {
      case .notHTTP: "not http\r\n\r\n"
      case .longHeader: "GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n"
      case .badLength: "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"
      }
    }
  }

  @Test(
    "What isn't HTTP, or too much of it, is answered with a problem and the connection closed",
    .timeLimit(.minutes(1)),
    arguments: BrokenRequest.allCases
  )
  func notHTTP(request: BrokenRequest) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let answer = try await fixture.talk([request.text])
      #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(200))")
      #expect(answer.contains(Problem.mediaType))
    }
  }

  @Test("Who sends on and on is told why before the connection is cut", .timeLimit(.minutes(1)))
  func sendsOn() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let endless = Array(repeating: String(repeating: "x", count: 65_536), count: 64)
      let answer = try await fixture.talk(["GET / HTTP/1.1\r\nHost: localhost\r\nX: "] + endless)
      #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(200))")
    }
  }
}
