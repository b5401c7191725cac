package import Foundation
package import HTTPTypes
package import Hummingbird
import NIOCore
package import TaskQueueHTTP

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

  /// An answer that is kept for repetitions.
  static func make(_ answer: IdempotentAnswer) -> Response {
    Response(
      status: answer.status,
      headers: answer.fields,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
    )
  }

  /// An error as problem details (RFC 9457).
  package static func problem(_ error: ProblemError) -> Response {
    let (head, body) = error.response(base: ProblemKind.typeBase)
    return Response(
      status: head.status,
      headers: head.headerFields,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
    )
  }
}
