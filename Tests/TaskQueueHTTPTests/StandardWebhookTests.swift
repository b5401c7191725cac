import Foundation
import HTTPTypes
import TaskQueueHTTP
import Testing

@Suite("Standard webhooks")
struct StandardWebhookTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private static let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

  private let body = Data(#"{"test": 2432232314}"#.utf8)
  private let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
  private let time = Date(timeIntervalSince1970: 1_614_265_330)

  private func sign(_ secrets: String...) throws -> HTTPFields {
    try StandardWebhook(secrets: secrets).sign(body, id: id, at: time)
  }

  /// What ``StandardWebhook/verify(_:of:at:)`` throws; nil: it holds.
  private func fault(
    _ fields: HTTPFields,
    _ secrets: [String] = [secret],
    of body: Data? = nil,
    after seconds: Double = 0
  ) throws -> SignatureError.Code? {
    let webhook = try StandardWebhook(secrets: secrets)
    do throws(SignatureError) {
      let found = try webhook.verify(fields, of: body ?? self.body, at: time.addingTimeInterval(seconds))
      #expect(found == fields[.webhookId])
      return nil
    } catch {
      return error.code
    }
  }

  private func changed(_ change: (inout HTTPFields) -> Void) throws -> HTTPFields {
    var fields = try sign(Self.secret)
    change(&fields)
    return fields
  }

  @Test("Are signed over id, time and body, in Base64")
  func knownValue() throws {
    // The key: printf MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d
    // printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64
    let fields = try sign(Self.secret)
    #expect(fields[.webhookSignature] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    #expect(fields[.webhookId] == id)
    #expect(fields[.webhookTimestamp] == "1614265330")
    #expect(try fault(fields) == nil)
  }

  @Test("Hold for five minutes both ways")
  func tolerance() throws {
    for seconds in [-300.0, 300] { #expect(try fault(try sign(Self.secret), after: seconds) == nil) }
    for seconds in [-301.0, 301] { #expect(try fault(try sign(Self.secret), after: seconds) == .expired) }
  }

  @Test("Hold if one of several signatures fits one of several secrets")
  func rotation() throws {
    let both = try sign(Self.other, Self.secret)
    for secrets in [[Self.secret], [Self.other], [Self.secret, Self.other]] { #expect(try fault(both, secrets) == nil) }
    #expect(try fault(try sign(Self.other)) == .mismatch)
    #expect(try fault(both, []) == .mismatch)
    let asymmetric = try changed { $0[.webhookSignature] = "v1a,AAAA " + ($0[.webhookSignature] ?? "") }
    #expect(try fault(asymmetric) == nil)
  }

  @Test("Nothing of a delivery can be changed, left out or moved into another part")
  func forgeries() throws {
    #expect(try fault(try sign(Self.secret), of: Data("{}".utf8)) == .mismatch)
    #expect(try fault(try changed { $0[.webhookId] = "msg_2" }) == .mismatch)
    #expect(try fault(try changed { $0[.webhookTimestamp] = "1614265331" }) == .mismatch)
    for name in [HTTPField.Name.webhookId, .webhookTimestamp, .webhookSignature] {
      #expect(try fault(try changed { $0[name] = nil }) == .missing)
    }
    let moved = try changed {
      $0[.webhookId] = "\(id).1614265330"
      $0[.webhookTimestamp] = "1614265330"
    }
    #expect(try fault(moved) == .malformed)
  }

  @Test("Signatures that are cut short, in capitals, too many or garbage do not hold")
  func garbage() throws {
    let whole = try #require(try sign(Self.secret)[.webhookSignature])
    for value in [
      "", "v1", "v1,", whole.uppercased(), String(whole.dropLast()), String(whole.dropLast(4)),
      String(whole.dropFirst(3)), whole + "=",
      "v2" + whole.dropFirst(2), String(repeating: "\(whole) ", count: 17), String(repeating: "v1,AAAA ", count: 1000),
    ] {
      #expect(try fault(try changed { $0[.webhookSignature] = value }) != nil, "\(value)")
    }
    for time in ["", "1614265330.0", "+1614265330", "now", "99999999999999999999"] {
      #expect(try fault(try changed { $0[.webhookTimestamp] = time }) == .malformed)
    }
  }

  @Test("Nothing is signed without a secret")
  func unsigned() throws {
    let webhook = try StandardWebhook(secrets: [])
    #expect(throws: SignatureError(.invalidSecret)) { try webhook.sign(body, id: id, at: time) }
  }

  @Test(
    "Secrets have a form, and new ones have it",
    arguments: ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_é"]
  )
  func secrets(secret: String) throws {
    #expect(throws: SignatureError(.invalidSecret)) { try StandardWebhook(secrets: [secret]) }
    let new = StandardWebhook.newSecret()
    #expect(new != StandardWebhook.newSecret())
    let fields = try StandardWebhook(secrets: [new]).sign(body, id: "msg_1", at: time)
    #expect(try fault(fields, [new]) == nil)
  }

  @Test(
    "An id that could be taken for more than an id is not signed",
    arguments: ["", "a.b", "a b", "é", String(repeating: "i", count: 256)]
  )
  func ids(id: String) throws {
    let webhook = try StandardWebhook(secrets: [Self.secret])
    #expect(throws: SignatureError(.malformed)) { try webhook.sign(body, id: id, at: time) }
  }
}
