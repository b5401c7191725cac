import AsyncHTTPClient
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import TaskQueueHTTP

@testable import PaymentsExample

/// Stands between the client and localstripe: notes every request, loses answers or gives its own, and honours idempotency
/// keys as Stripe documents them, which localstripe doesn't.
struct StripeProxy: HTTPResponder {
  /// A request as it came.
  struct Seen: Sendable {
    var method: String
    /// With its query.
    var path: String
    var headers: [String: String]
    var body: String

    /// The decoded parameters of the body or the query.
    var parameters: [String: String] {
      let text = method == "POST" ? body[...] : path.drop { $0 != "?" }.dropFirst()
      var values: [String: String] = [:]
      for pair in text.split(separator: "&") {
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        values[String(parts[0]).removingPercentEncoding ?? ""] = String(parts[1]).removingPercentEncoding
      }
      return values
    }
  }

  /// What may happen to a request.
  enum Fault: Sendable {
    /// It never arrives at Stripe.
    case answer(Int, headers: [String: String] = [:], body: String)
    /// The work is done, and the answer gets lost.
    case lose
    /// The work is done, and the answer is altered.
    case alter(@Sendable (inout [String: JSONTree]) -> Void)
    /// The work is done, and this happens before the answer.
    case meanwhile(@Sendable () async throws -> Void)
    /// None.
    case pass
  }

  private struct Answer: Sendable {
    var status: Int
    var body: Data
  }

  private struct State {
    var seen: [Seen] = []
    var faults: [(method: String, path: String, fault: Fault)] = []
    /// By idempotency key: the request and its first answer; nil: it is being worked on.
    var saved: [String: (request: String, answer: Answer?)] = [:]
  }

  let client: HTTPClient
  let url: String
  private let state = SharedState()

  private final class SharedState: Sendable {
    let mutex = Mutex(State())
  }

  init(client: HTTPClient, url: String) {
    self.client = client
    self.url = url
  }

  var seen: [Seen] { state.mutex.withLock { $0.seen } }

  func seen(_ method: String, _ ending: String) -> [Seen] {
    seen.filter { $0.method == method && $0.path.hasSuffix(ending) }
  }

  /// What happens to the next requests of this method whose path, without the query, ends so.
  func fail(_ method: String, _ ending: String, _ faults: Fault...) {
    self.state.mutex.withLock { state in
      state.faults += faults.map { (method: method, path: ending, fault: $0) }
    }
  }

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    var headers: [String: String] = [:]
    for field in request.headers { headers[field.name.canonicalName] = field.value }
    let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
    let seen = Seen(method: request.method.rawValue, path: request.uri.string, headers: headers, body: body)
    let fault = self.state.mutex.withLock { state -> Fault? in
      state.seen.append(seen)
      let path = seen.path.prefix { $0 != "?" }
      let index = state.faults.firstIndex { $0.method == seen.method && path.hasSuffix($0.path) }
      return index.map { state.faults.remove(at: $0).fault }
    }
    if case .answer(let status, let headers, let body) = fault {
      var response = Self.response(Answer(status: status, body: Data(body.utf8)))
      for (name, value) in headers { if let name = HTTPField.Name(name) { response.headers[name] = value } }
      return response
    }
    let answer = try await self.answer(seen)
    if case .meanwhile(let happens) = fault { try await happens() }
    if case .lose = fault { return Self.response(Answer(status: 502, body: Data("<html>Bad gateway</html>".utf8))) }
    if case .alter(let alteration) = fault {
      guard case .object(var fields) = try JSONDecoder().decode(JSONTree.self, from: answer.body) else {
        return Self.response(answer)
      }
      alteration(&fields)
      return Self.response(Answer(status: answer.status, body: try JSONEncoder().encode(JSONTree.object(fields))))
    }
    return Self.response(answer)
  }

  private func answer(_ seen: Seen) async throws -> Answer {
    guard seen.method == "POST", let key = seen.headers["idempotency-key"] else { return try await forward(seen) }
    let request = "\(seen.path)\n\(seen.body)"
    let before = state.mutex.withLock { state in
      defer { if state.saved[key] == nil { state.saved[key] = (request, nil) } }
      return state.saved[key]
    }
    guard let before else {
      do {
        let answer = try await forward(seen)
        state.mutex.withLock { $0.saved[key]?.answer = answer }
        return answer
      } catch {
        state.mutex.withLock { $0.saved[key] = nil }
        throw error
      }
    }
    guard before.request == request else { return Self.keyError(400, "Other keys.") }
    return before.answer ?? Self.keyError(409, "Key in use.")
  }

  private static func keyError(_ status: Int, _ message: String) -> Answer {
    Answer(status: status, body: Data(#"{"error":{"type":"idempotency_error","message":"\#(message)"}}"#.utf8))
  }

  private func forward(_ seen: Seen) async throws -> Answer {
    var request = HTTPClientRequest(url: url + seen.path)
    request.method = HTTPMethod(rawValue: seen.method)
    for name in ["authorization", "content-type", "stripe-version"] {
      if let value = seen.headers[name] { request.headers.replaceOrAdd(name: name, value: value) }
    }
    if seen.method == "POST" { request.body = .bytes(ByteBuffer(string: seen.body)) }
    let response = try await client.execute(request, timeout: .seconds(20))
    let body = Data(try await response.body.collect(upTo: 8 << 20).readableBytesView)
    return Answer(status: Int(response.status.code), body: body)
  }

  private static func response(_ answer: Answer) -> Response {
    Response(
      status: .init(code: answer.status),
      headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
    )
  }
}
