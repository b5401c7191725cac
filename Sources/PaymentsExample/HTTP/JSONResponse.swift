import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Builds JSON answers.
enum JSONResponse {
  static func make(
    _ status: HTTPResponse.Status,
    _ value: some Encodable,
    headers: HTTPFields = HTTPFields()
  ) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    var headers = headers
    headers[.contentType] = "application/json"
    return Response(
      status: status,
      headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value)))
    )
  }

  /// An error as problem details (RFC 9457). `detail` is shown to the caller.
  static func problem(_ status: HTTPResponse.Status, _ detail: String) throws -> Response {
    var response = try make(
      status,
      Problem(title: status.reasonPhrase, status: status.code, detail: detail)
    )
    response.headers[.contentType] = "application/problem+json"
    return response
  }

  /// Decodes a request's body of at most `maximumBytes`; nil if it isn't what is expected.
  static func body<Value: Decodable>(
    _ type: Value.Type,
    of request: Request,
    maximumBytes: Int = 64 * 1024
  ) async -> Value? {
    guard let buffer = try? await request.body.collect(upTo: maximumBytes) else { return nil }
    return try? JSONDecoder().decode(type, from: Data(buffer.readableBytesView))
  }

  private struct Problem: Encodable {
    var title: String
    var status: Int
    var detail: String
  }
}
