import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import TaskQueueHTTP

/// A request whose path fits an operation.
struct APIRequest: Sendable {
  /// Largest body that is read, but of batches.
  static let maxBodyBytes = 64 * 1024

  /// Largest body that is read of a request with this path.
  static func maxBodyBytes(_ path: String?) -> Int {
    path == PaymentAPI.batchPath ? PaymentBatch.maxBodyBytes : maxBodyBytes
  }

  let request: Request
  /// The values of the path's parameters.
  let path: [String: String]
  var caller = Caller.local
  /// The connection that it came by.
  var channel: (any Channel)?
  /// Counts so many requests more as the sender's.
  /// - Throws: `too-many-requests`.
  var countFurther: @Sendable (_ count: Int) throws -> Void = { _ in }

  func header(_ name: String) -> String? {
    HTTPField.Name(name).flatMap { request.headers[$0] }
  }

  /// The payment that the path names.
  /// - Throws: `not-found` if it can't be an id.
  func paymentId() throws -> PaymentID {
    guard let id = path["id"].flatMap({ PaymentID($0) }) else {
      throw ProblemError(.notFound, "There is no such payment.")
    }
    return id
  }

  /// The query's parameters, decoded.
  /// - Throws: `malformed-request` for one that isn't among `known`, is there twice, or can't be decoded.
  func query(_ known: Set<String>) throws -> [String: String] {
    var values: [String: String] = [:]
    for part in (request.uri.query ?? "").split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = String(pair[0]).removingPercentEncoding else {
        throw ProblemError(.malformedRequest, "A parameter's name in the query isn't percent-encoded UTF-8.")
      }
      guard known.contains(name) else {
        let names = known.sorted().joined(separator: ", ")
        let there = names.isEmpty ? "none" : names
        throw ProblemError(.malformedRequest, "\(ProviderText.plain(name)) is no parameter here; there are \(there).")
      }
      guard let value = (pair.count == 2 ? String(pair[1]) : "").removingPercentEncoding else {
        throw ProblemError(.malformedRequest, "\(name) isn't percent-encoded UTF-8.")
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw ProblemError(.malformedRequest, "\(name) is there twice.")
      }
    }
    return values
  }

  /// The body's bytes as they came.
  /// - Throws: `body-too-large`; `not-json` for another media type.
  func body(isOptional: Bool = false) async throws -> Data {
    let limit = Self.maxBodyBytes(request.uri.path)
    let tooLarge = ProblemError(.bodyTooLarge, "A body has at most \(limit) bytes here.")
    if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
    let buffer: ByteBuffer
    do {
      buffer = try await request.body.collect(upTo: limit)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    } catch is HTTPParserError {
      throw ProblemError(.malformedRequest, "The body's chunks are broken.")
    }
    if isOptional, buffer.readableBytes == 0 { return Data() }
    guard request.headers[.contentType].map(SiteCheck.isJSON) ?? false else { throw ProblemError(.notJSON) }
    return Data(buffer.readableBytesView)
  }

  /// A JSON object as fields to be checked.
  /// - Throws: also `JSONRefusal`; `invalid-fields` if it is no object.
  func fields(isOptional: Bool = false) async throws -> BodyFields {
    let data = try await body(isOptional: isOptional)
    if isOptional, data.isEmpty { return BodyFields([:]) }
    return try BodyFields(of: try await StrictJSON.tree(data))
  }
}
