package import Foundation
package import HTTPTypes
package import Hummingbird
import NIOCore

/// Builds JSON answers.
package enum JSONResponse {
  package static func make(
    _ status: HTTPResponse.Status,
    _ value: some Encodable,
    headers: HTTPFields = HTTPFields()
  ) throws -> Response {
    make(status, data: try JSONFormat.encoder().encode(value), headers: headers)
  }

  package static func make(_ status: HTTPResponse.Status, data: Data, headers: HTTPFields = HTTPFields()) -> Response {
    var headers = headers
    headers[.contentType] = "application/json"
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  /// An error as problem details (RFC 9457).
  package static func problem(_ error: ProblemError) throws -> Response {
    var response = try make(error.kind.status, error.problem, headers: error.headers)
    response.headers[.contentType] = Problem.mediaType
    if response.headers[.retryAfter] == nil {
      response.headers[.retryAfter] = error.kind.retryAfterSeconds.map(String.init)
    }
    return response
  }
}
