import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TaskQueueHTTP

@testable import PaymentsExample

/// Takes in events over HTTP, as badly as it is told.
final class EventReceiver: Sendable {
  enum Fate: Sendable {
    case taken
    /// Answers 500 and keeps nothing.
    case refused
    /// Keeps it and answers 500.
    case takenThenError
    /// Keeps it and answers too late.
    case takenThenStall
  }

  static let secret = "a secret of webhooks"

  private let decide: @Sendable (CloudEvent) -> Fate
  private let stall: Duration
  private let listeningPort = ListeningPort()
  /// What it kept, in order, repetitions too.
  private let kept = Mutex<[CloudEvent]>([])
  private let forged = Mutex(0)

  init(stall: Duration = .milliseconds(500), decide: @escaping @Sendable (CloudEvent) -> Fate = { _ in .taken }) {
    self.decide = decide
    self.stall = stall
  }

  var events: [CloudEvent] { kept.withLock { $0 } }
  /// Whatever wasn't signed, or no event.
  var strangers: Int { forged.withLock { $0 } }

  /// As a consumer sees it that passes over repetitions.
  func firsts(_ payment: Payment) -> [CloudEvent] {
    var seen: Set<String> = []
    return events.filter { $0.subject == "payments/\(payment.id)" && seen.insert($0.id).inserted }
  }

  /// Runs it for as long as `body` runs.
  func running(_ body: (_ url: String) async throws -> Void) async throws {
    let router = Router()
    router.post("/events") { request, _ in try await self.receive(request) }
    let server = Application(
      router: router,
      configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { [listeningPort] in listeningPort.report($0) },
      logger: Log.quiet("test")
    )
    try await server.whileRunning {
      try await body("http://127.0.0.1:\(try await listeningPort.wait())/events")
    }
  }

  private func receive(_ request: Request) async throws -> Response {
    let body = Data(try await request.body.collect(upTo: 64 * 1024).readableBytesView)
    let signature = HTTPField.Name(WebhookTransport.signatureHeader).flatMap { request.headers[$0] }
    guard
      (try? CallbackSignature(secrets: [Self.secret]).verify(signature, of: body)) != nil,
      request.headers[.contentType] == "application/cloudevents+json",
      let event = try? JSONFormat.decoder().decode(CloudEvent.self, from: body)
    else {
      forged.withLock { $0 += 1 }
      return Response(status: .badRequest)
    }
    let fate = decide(event)
    if fate != .refused { kept.withLock { $0.append(event) } }
    switch fate {
    case .taken: return Response(status: .noContent)
    case .refused, .takenThenError: return Response(status: .internalServerError)
    case .takenThenStall:
      try await Task.sleep(for: stall)
      return Response(status: .noContent)
    }
  }
}
