import Foundation
import TaskQueueHTTP
import Testing

@Suite("Signatures in one header")
struct CallbackSignatureTests {
  private let body = Data(#"{"eventId":"e"}"#.utf8)
  private let time = Date(timeIntervalSince1970: 1_700_000_000)

  private func sign(_ secrets: String...) -> String { CallbackSignature(secrets: secrets).sign(body, at: time) }

  /// What ``CallbackSignature/verify(_:of:at:)`` throws; nil: it holds.
  private func fault(
    _ value: String?,
    _ secrets: [String] = ["s"],
    of body: Data? = nil,
    after seconds: Double = 0
  ) -> SignatureError.Code? {
    do throws(SignatureError) {
      let signature = CallbackSignature(secrets: secrets)
      try signature.verify(value, of: body ?? self.body, at: time.addingTimeInterval(seconds))
      return nil
    } catch {
      return error.code
    }
  }

  @Test("Are HMAC-SHA256 of the time, a full stop and the body, in hexadecimal")
  func knownValue() {
    // printf '1700000000.{"eventId":"e"}' | openssl dgst -sha256 -hmac s
    #expect(sign("s") == "t=1700000000,v1=a85efa9817c59b47bbd6c98ecc355251aea2e6bc841e057822e8d5584c1838ec")
    #expect(fault(sign("s")) == nil)
  }

  @Test("Hold for five minutes both ways, by the clock that is given")
  func tolerance() {
    for seconds in [-300.0, 0, 300] { #expect(fault(sign("s"), after: seconds) == nil) }
    for seconds in [-301.0, 301, 1e12] { #expect(fault(sign("s"), after: seconds) == .expired) }
    var patient = CallbackSignature(secrets: ["s"])
    patient.tolerance = .seconds(400)
    #expect(throws: Never.self) { try patient.verify(sign("s"), of: body, at: time.addingTimeInterval(400)) }
  }

  @Test("Hold if one of several signatures fits one of several secrets, so that secrets can be changed")
  func rotation() {
    let both = sign("new", "old")
    #expect(both.split(separator: ",").count == 3)
    for secrets in [["new"], ["old"], ["other", "old"]] { #expect(fault(both, secrets) == nil) }
    #expect(fault(sign("old"), ["new", "old"]) == nil)
    #expect(fault(both, ["other"]) == .mismatch)
    #expect(fault(sign("old"), ["new"]) == .mismatch)
  }

  @Test("Do not hold for another body, another time or without a secret")
  func forgeries() {
    let value = sign("s")
    #expect(fault(value, of: Data("{}".utf8)) == .mismatch)
    #expect(fault(value.replacing("t=1700000000", with: "t=1700000001")) == .mismatch)
    #expect(fault(value, []) == .mismatch)
    #expect(fault(value, [""]) == .mismatch)
    // Not even one that was made without a secret.
    for secrets in [[], [""], ["s"]] { #expect(fault(sign(""), secrets) == .mismatch) }
    // What belongs to the time must not pass for a part of the body.
    #expect(
      fault(value.replacing("t=1700000000", with: "t=170000000"), of: Data(#"0.{"eventId":"e"}"#.utf8)) == .expired
    )
  }

  @Test("The hexadecimal digits may be of either case, the names may not; what is cut short does not hold")
  func capitals() {
    let value = sign("s")
    let code = value.drop { $0 != "v" }.dropFirst(3)
    #expect(fault("t=1700000000,v1=\(code.uppercased())") == nil)
    #expect(fault("t=1700000000,V1=\(code)") == .mismatch)
    #expect(fault("T=1700000000,v1=\(code)") == .malformed)
    for length in [0, 1, 2, 32, 62, 63] { #expect(fault("t=1700000000,v1=\(code.prefix(length))") == .mismatch) }
    #expect(fault("t=1700000000,v1=\(code)00") == .mismatch)
  }

  @Test("Nothing that only looks like one holds")
  func garbage() {
    let signature = sign("s").drop { $0 != "v" }
    #expect(fault(nil) == .missing)
    for forged in [
      "", "t=1700000000", "\(signature)", "t=1700000000,v0=00", "t=1700000000,t=1700000000,\(signature)",
      "t=nan,\(signature)",
      "t=+1700000000,\(signature)", "t=-1,\(signature)", "t=,\(signature)", "t=99999999999999999999,\(signature)",
      String(repeating: "v1=00,", count: 5000), "t=1700000000,v1=\(String(repeating: "é", count: 64))", ",,,", "\u{0}",
      sign("s") + String(repeating: ",\(signature)", count: 16),
    ] {
      #expect(fault(forged) != nil, "\(forged)")
    }
  }

  @Test("A dump shows no secret")
  func secrecy() {
    var text = ""
    let signature = CallbackSignature(secrets: ["very secret"])
    dump(signature, to: &text)
    text += "\(signature)"
    // The texts, and the bytes of which they consist.
    for leak in ["very", "118", "0x76"] { #expect(!text.contains(leak)) }
  }
}
