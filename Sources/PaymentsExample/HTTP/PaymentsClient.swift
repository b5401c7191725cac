import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the app's HTTP API.
struct PaymentsClient: Sendable {
  static let maximumAnswerBytes = 1 << 20

  private let client: HTTPClient
  private let baseURL: String
  private let timeout: Duration

  init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10)) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  func create(_ payment: NewPayment) async throws -> Payment {
    var request = HTTPClientRequest(url: "\(self.baseURL)/payments")
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(payment)))
    return try await self.send(request, expecting: .accepted)
  }

  func payment(_ id: Int64) async throws -> Payment {
    try await self.send(HTTPClientRequest(url: "\(self.baseURL)/payments/\(id)"), expecting: .ok)
  }

  private func send(_ request: HTTPClientRequest, expecting status: HTTPResponseStatus) async throws -> Payment {
    let response = try await self.client.execute(request, timeout: TimeAmount(self.timeout))
    let body = try await response.body.collect(upTo: Self.maximumAnswerBytes)
    guard response.status == status else {
      throw CommandError(
        "\(request.method.rawValue) \(request.url): HTTP status \(response.status.code). \(String(buffer: body))"
      )
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(Payment.self, from: Data(body.readableBytesView))
  }
}
