import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the provider's contract over HTTP.
///
/// It doesn't retry: the queue does, and it knows how often and when.
struct ProviderClient: PaymentProvider {
  /// Largest answer that is read.
  static let maximumAnswerBytes = 1 << 20

  private let client: HTTPClient
  private let baseURL: String
  private let timeout: Duration

  /// - Parameters:
  ///   - baseURL: for example `http://127.0.0.1:8090`, without a slash at the end.
  ///   - timeout: for one call, from connecting to the last byte of the answer.
  init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10)) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try await self.call(
      .POST,
      "/v1/payments",
      body: JSONEncoder().encode(request),
      headers: ["Idempotency-Key": idempotencyKey],
      expecting: [.created, .ok]
    )
  }

  func execute(id: String) async throws {
    let _: ProviderPayment = try await self.call(
      .POST,
      "/v1/payments/\(Self.escaped(id))/execute",
      expecting: [.accepted, .ok]
    )
  }

  func payment(id: String) async throws -> ProviderPayment {
    try await self.call(.GET, "/v1/payments/\(Self.escaped(id))", expecting: [.ok])
  }

  func payments(reference: String) async throws -> [ProviderPayment] {
    let list: ProviderPaymentList = try await self.call(
      .GET,
      "/v1/payments?reference=\(Self.escaped(reference))",
      expecting: [.ok]
    )
    return list.payments
  }

  private func call<Answer: Decodable>(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    headers: [String: String] = [:],
    expecting expected: [HTTPResponseStatus]
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: self.baseURL + path)
    request.method = method
    for (name, value) in headers {
      request.headers.replaceOrAdd(name: name, value: value)
    }
    if let body {
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let response = try await self.client.execute(request, timeout: TimeAmount(self.timeout))
    // The body is read before the status is believed: an answer cut short is a lost answer.
    let answer = try await response.body.collect(upTo: Self.maximumAnswerBytes)
    let name = "\(method.rawValue) \(path)"
    guard expected.contains(response.status) else {
      throw ProviderError(code: .unexpectedStatus, call: name, httpStatus: response.status.code)
    }
    guard let value = try? JSONDecoder().decode(Answer.self, from: Data(answer.readableBytesView)) else {
      throw ProviderError(code: .undecodableAnswer, call: name, httpStatus: response.status.code)
    }
    return value
  }

  /// Percent-encodes everything that could end a path segment or a query value.
  private static func escaped(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
