import AsyncHTTPClient
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import TaskQueueHTTP

@testable import PaymentsExample

extension PaymentsFixture {
  /// An answer as it came.
  struct Answer: Sendable {
    var status: UInt
    var headers: HTTPHeaders
    var body: Data

    func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
      try JSONFormat.decoder().decode(type, from: body)
    }

    /// The problem's kind, if it is one of ours in the right form.
    var problem: ProblemKind? {
      guard headers.first(name: "Content-Type") == Problem.mediaType, let problem = try? json(Problem.self)
      else { return nil }
      return ProblemKind.allCases.first { $0.type == problem.type && $0.status.code == Int(status) }
    }
  }

  func send(
    _ method: HTTPMethod,
    _ path: String,
    headers: [String: String] = [:],
    body: String? = nil
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: url + path)
    request.method = method
    for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await http.execute(request, timeout: .seconds(60))
    let data = Data(try await response.body.collect(upTo: 8 << 20).readableBytesView)
    return Answer(status: response.status.code, headers: response.headers, body: data)
  }

  /// `POST` of JSON.
  func post(_ path: String, _ body: String? = nil, key: String? = nil) async throws -> Answer {
    var headers: [String: String] = [:]
    if body != nil { headers["Content-Type"] = "application/json" }
    headers["Idempotency-Key"] = key
    return try await send(.POST, path, headers: headers, body: body)
  }

  static let body = #"{"userId":"u","amount":100,"currency":"EUR"}"#
}

extension JSONTree {
  /// Of an array in an object; none if there is no such one.
  func elements(_ name: String) -> [JSONTree] {
    if case .array(let elements)? = self[name] { elements } else { [] }
  }
}
