import Foundation
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("What the commands read and print")
struct CommandTests {
  @Test("Instants are read as RFC 3339, or as a time ago")
  func instants() throws {
    let now = Date(timeIntervalSince1970: 1_000_000)
    #expect(try InstantText.parse("1970-01-01T00:00:10Z").date(now) == Date(timeIntervalSince1970: 10))
    #expect(try InstantText.parse("1970-01-01T01:00:10.500+01:00").date(now) == Date(timeIntervalSince1970: 10.5))
    #expect(try InstantText.parse("90m").date(now) == now.addingTimeInterval(-5400))
    #expect(throws: (any Error).self) { try InstantText.parse("yesterday") }
  }

  @Test(
    "Every instant of RFC 3339 is read, and nothing else",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1969-12-31t23:59:59.5z", -0.5), ("2000-02-29T00:00:00+00:00", 951_782_400),
      ("1970-01-02T00:00:00+23:59", 60), ("1970-01-01T00:00:00-00:30", 1800), ("1990-12-31T23:59:60Z", 662_688_000),
      ("0000-01-01T00:00:00Z", -62_167_219_200), ("9999-12-31T23:59:59Z", 253_402_300_799),
      ("1900-02-29T00:00:00Z", nil), ("2001-02-29T00:00:00Z", nil), ("1970-13-01T00:00:00Z", nil),
      ("1970-01-01T24:00:00Z", nil), ("1970-01-01T00:00:00", nil), ("1970-01-01 00:00:00Z", nil),
      ("1970-01-01T00:00:00.Z", nil), ("1970-01-01T00:00:00+24:00", nil), ("1970-01-01T00:00:00Zx", nil), ("", nil),
      ("1970-01-00T00:00:00Z", nil), ("+970-01-01T00:00:00Z", nil),
    ] as [(String, Double?)]
  )
  func rfc3339(text: String, seconds: Double?) {
    #expect(RFC3339.date(text)?.timeIntervalSince1970 == seconds)
  }

  @Test("Secrets come from the command line, else from the environment; empty ones are none")
  func secrets() {
    let environment = [SecretOption.callbackSecret: "a,,b"]
    #expect(SecretOption.callbackSecrets([], environment: environment) == ["a", "b"])
    #expect(SecretOption.callbackSecrets(["c", ""], environment: environment) == ["c"])
    #expect(SecretOption.callbackSecrets([], environment: [:]).isEmpty)
  }

  @Test("The client's report counts statuses and shows latencies, and is right only if all are final")
  func report() {
    let done = ClientReport.Outcome(status: .done, accepted: .milliseconds(5), final: .milliseconds(70), retries: 1)
    let refused = ClientReport.Outcome(status: nil, accepted: nil, final: .zero, retries: 0, refusal: 422)
    #expect(ClientReport(outcomes: [done], elapsed: .seconds(1)).isRight)
    let report = ClientReport(outcomes: [done, done, refused], elapsed: .milliseconds(1500))
    #expect(!report.isRight)
    #expect(
      report.lines == [
        "  status            payments",
        "  ────────────────  ────────",
        "  DONE              2",
        "  refused with 422  1",
        "",
        "  until     p50    p99    longest",
        "  ────────  ─────  ─────  ───────",
        "  accepted  5 ms   5 ms   5 ms",
        "  final     70 ms  70 ms  70 ms",
        "",
        "3 payments in 1500 ms, 2 per second; 2 requests were repeated.",
      ]
    )
  }

  @Test("The progress bar fills up")
  func progress() {
    let bar = ProgressBar(total: 4, isTerminal: false)
    #expect(bar.line(0, after: .zero) == "  [\(String(repeating: "·", count: 40))] 0/4  0/s")
    #expect(bar.line(3, after: .seconds(2)).hasSuffix("··········] 3/4  2/s"))
    #expect(bar.line(4, after: .seconds(2)) == "  [\(String(repeating: "■", count: 40))] 4/4  2/s")
  }

  @Test("Currencies have the digits of ISO 4217, and nothing else is one")
  func currencies() {
    #expect(Currency.exponent("EUR") == 2)
    #expect(Currency.exponent("JPY") == 0)
    #expect(Currency.exponent("KWD") == 3)
    #expect(Currency.exponent("CLF") == 4)
    for code in ["XAU", "XXX", "eur", "EU", "EURO", ""] { #expect(Currency.exponent(code) == nil) }
    #expect(Currency.codes.count > 150)
    #expect(Currency.codes.allSatisfy { $0.utf8.count == 3 })
  }

  @Test("An id is a UUID in small letters, in JSON as a string, and nothing else is one")
  func ids() throws {
    let text = "0197f0c4-5d2e-7a41-9c3b-6f0d8e21a4b7"
    let id = try #require(PaymentID(text))
    #expect(id.description == text)
    #expect(PaymentID(text.uppercased()) == id)
    #expect(id.short == "8e21a4b7")
    let json = try JSONEncoder().encode(InitPayment(paymentId: id))
    #expect(String(decoding: json, as: UTF8.self) == #"{"paymentId":"\#(text)"}"#)
    #expect(try JSONDecoder().decode(InitPayment.self, from: json).paymentId == id)
    for text in ["", "1", "x", String(text.dropLast()), text + "0", "{\(text)}", text.replacing("-", with: "")] {
      #expect(PaymentID(text) == nil, "\(text)")
      let json = Data(#"{"paymentId":"\#(text)"}"#.utf8)
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(InitPayment.self, from: json) }
    }
  }
}
