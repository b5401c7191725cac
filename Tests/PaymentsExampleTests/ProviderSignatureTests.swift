import Foundation
import Testing

@testable import PaymentsExample

@Suite("The provider's signature")
struct ProviderSignatureTests {
  private let body = Data(#"{"eventId":"e"}"#.utf8)
  private let time = Date(timeIntervalSince1970: 1_700_000_000)

  private func isValid(_ value: String?, _ secrets: [String] = ["s"], after seconds: Double = 0) -> Bool {
    ProviderSignature.isValid(value, body: body, secrets: secrets, now: time.addingTimeInterval(seconds))
  }

  @Test("Is HMAC-SHA256 of the time, a point and the body, in hexadecimal")
  func knownValue() {
    // printf '1700000000.{"eventId":"e"}' | openssl dgst -sha256 -hmac s
    let value = ProviderSignature.make(body: body, secret: "s", at: time)
    #expect(value == "t=1700000000,v1=a85efa9817c59b47bbd6c98ecc355251aea2e6bc841e057822e8d5584c1838ec")
    #expect(isValid(value))
  }

  @Test("Holds for five minutes both ways, by the clock that is given")
  func tolerance() {
    let value = ProviderSignature.make(body: body, secret: "s", at: time)
    for seconds in [-300.0, 0, 300] { #expect(isValid(value, after: seconds)) }
    for seconds in [-301.0, 301, 1e12] { #expect(!isValid(value, after: seconds)) }
  }

  @Test("Holds if one of several signatures fits one of several secrets")
  func rotation() {
    let old = ProviderSignature.make(body: body, secret: "old", at: time)
    let new = ProviderSignature.make(body: body, secret: "new", at: time)
    let both = old + "," + new.drop { $0 != "v" }
    #expect(isValid(both, ["new"]))
    #expect(isValid(both, ["old"]))
    #expect(isValid(old, ["new", "old"]))
    #expect(!isValid(both, ["other"]))
  }

  @Test("Doesn't hold for another body, another time, or anything that only looks like one")
  func forgeries() {
    let value = ProviderSignature.make(body: body, secret: "s", at: time)
    #expect(!ProviderSignature.isValid(value, body: Data("{}".utf8), secrets: ["s"], now: time))
    #expect(!isValid(value.replacing("t=1700000000", with: "t=1700000001")))
    #expect(!isValid(value, []))
    #expect(!isValid(ProviderSignature.make(body: body, secret: "", at: time), [""]))
    let signature = value.drop { $0 != "v" }
    for forged in [
      nil, "", "t=1700000000", String(signature), "t=1700000000,\(signature.dropLast(2))", "t=1700000000,v0=00",
      "t=1700000000,t=1700000000,\(signature)", "t=nan,\(signature)", String(repeating: "v1=00,", count: 5000),
      "t=1700000000,v1=\(String(repeating: "é", count: 64))", value + String(repeating: ",\(signature)", count: 16),
    ] {
      #expect(!isValid(forged), "\(forged ?? "nil")")
    }
  }
}
