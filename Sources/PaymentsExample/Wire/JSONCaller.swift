import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TaskQueueHTTP

/// Calls another server's JSON API.
struct JSONCaller: Sendable {
  struct Answer: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: Data

    func decoded<Value: Decodable & Sendable>(_ type: Value.Type = Value.self) async throws -> Value {
      try await StrictJSON.read(type, from: body, decoder: JSONFormat.decoder())
    }
  }

  let client: HTTPClient
  /// Without a slash at the end.
  let baseURL: String
  /// For one call, from connecting to the last byte of the answer.
  let timeout: Duration
  /// Largest answer that is read.
  let maxAnswerBytes: Int
  /// A bearer key.
  let key: String?

  init(client: HTTPClient, baseURL: String, timeout: Duration, maxAnswerBytes: Int, key: String? = nil) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
    self.maxAnswerBytes = maxAnswerBytes
    self.key = key
  }

  /// - Parameter path: with a slash at the beginning, and with a query if there is one.
  func call(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = method
    if let idempotencyKey { request.headers.replaceOrAdd(name: "Idempotency-Key", value: idempotencyKey) }
    if let key { request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(key)") }
    if let body {
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let (response, answer) = try await client.answer(request, within: timeout, atMost: maxAnswerBytes)
    return Answer(status: response.status, headers: response.headers, body: answer)
  }

  /// Percent-encodes everything that could end a path segment or a query value.
  static func escaped(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
