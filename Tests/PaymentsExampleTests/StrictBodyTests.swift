import Foundation
import NIOHTTP1
import TaskQueueHTTP
import Testing

@testable import PaymentsExample

@Suite("Bodies of strangers")
struct StrictBodyTests {
  @Test("A provider's answer or callback is read as strictly as a caller's body")
  func answers() async throws {
    let callback = #"{"eventId":"e","paymentProviderId":"p","status":"DONE","more":[1]}"#
    #expect(try await ProviderCallbackFormat.contract.callback(Data(callback.utf8))?.eventId == "e")
    for broken in [#","status":"INIT"}"#, #","x":\#(String(repeating: "[", count: 40))"#, #","x":1e999}"#] {
      let body = Data((callback.dropLast() + broken).utf8)
      await #expect(throws: ProblemError.self) { try await ProviderCallbackFormat.contract.callback(body) }
      let answer = JSONCaller.Answer(status: .ok, headers: [:], body: body)
      await #expect(throws: DecodingError.self) { _ = try await answer.decoded(ProviderCallback.self) }
    }
  }

  @Test("Bodies that freeze a cubic reader cost the API nothing", .timeLimit(.minutes(1)))
  func api() async throws {
    // Marks of different classes, in an order that has to be sorted before two names can be compared.
    let marks = String(String.UnicodeScalarView((0..<125).flatMap { _ in ["\u{301}", "\u{327}"] as [Unicode.Scalar] }))
    // Each as long as a body may be.
    let long = [
      String(repeating: "[", count: 60_000), String(repeating: "9", count: 60_000),
      "{\((0..<6000).map { #""m\#($0)":1"# }.joined(separator: ","))}",
      "[" + (0..<60).map { #"{"\#($0)\#(marks)":1}"# }.joined() + "]",
    ]
    try await PaymentsFixture.with(works: false) { fixture in
      for (index, body) in long.enumerated() {
        let answer = try await fixture.post("/payments", body, key: "long-\(index)")
        #expect((400..<500).contains(answer.status))
      }
      let twice = try await fixture.post(
        "/payments",
        #"{"userId":"u","amount":1,"amount":2,"currency":"EUR"}"#,
        key: "k"
      )
      #expect(twice.problem == .malformedRequest)
    }
  }
}
