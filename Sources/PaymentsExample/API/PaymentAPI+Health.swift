import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import Outbox
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueuePrometheus

extension PaymentAPI {
  /// What is there for those who run the API, not for those who pay.
  var ownOperations: [APIOperation] {
    [documentation, openAPI] + healthOperations + [showMetrics]
  }

  var healthOperations: [APIOperation] { [live, ready] }

  private var documentation: APIOperation {
    APIOperation(
      method: .get,
      path: "/doc",
      id: "showDocumentation",
      summary: "This page",
      answers: [.init(status: .ok, description: "HTML.", mediaType: "text/html")],
      handle: { _ in
        Self.text(DocumentationPage.make(operations, providers: providers.names), "text/html; charset=utf-8")
      }
    )
  }

  private var openAPI: APIOperation {
    APIOperation(
      method: .get,
      path: "/openapi.json",
      id: "showOpenAPI",
      summary: "The OpenAPI 3.1 document",
      answers: [.init(status: .ok, description: "The document.", mediaType: "application/json")],
      handle: { _ in try JSONResponse.make(.ok, OpenAPIDocument.make(operations, providers: providers.names)) }
    )
  }

  private var live: APIOperation {
    APIOperation(
      method: .get,
      path: "/health/live",
      id: "showLiveness",
      summary: "Whether the process runs",
      answers: [.json(.ok, "Health", "It does.")],
      handle: { _ in try JSONResponse.make(.ok, ["status": "ok"]) }
    )
  }

  private var ready: APIOperation {
    APIOperation(
      method: .get,
      path: "/health/ready",
      id: "showReadiness",
      summary: "Whether payments can be accepted now",
      description: "Asks the database. Being over the backlog's limit is not being unready: that is answered with 429.",
      answers: [.json(.ok, "Health", "They can.")],
      handle: { _ in
        _ = try await client.pool.query("SELECT 1")
        return try JSONResponse.make(.ok, ["status": "ok"])
      }
    )
  }

  private var showMetrics: APIOperation {
    APIOperation(
      method: .get,
      path: "/metrics",
      id: "showMetrics",
      summary: "Numbers for Prometheus",
      access: .key(.operate),
      audience: .monitoring,
      answers: [.init(status: .ok, description: "Text format 0.0.4.", mediaType: "text/plain")],
      handle: { _ in
        try await observe()
        return Self.text(metrics.text(), PrometheusMetrics.contentType)
      }
    )
  }

  /// Brings the gauges that come from the database up to date.
  private func observe() async throws {
    metrics.set("payments_open", try await backlog.open())
    metrics.set("payments_backlog_limit", backlog.limit)
    metrics.set("payments_stopped", try await PaymentStore.stoppedCount(in: client.pool))
    let waiting = try await EventOutbox.payments.backlog(in: client.pool)
    metrics.set("payments_events_waiting", waiting.count)
    metrics.set("payments_events_oldest_seconds", Int(waiting.oldest.components.seconds))
    for last in try await ReconciliationStore.last(in: client.pool) {
      let provider = ("provider", last.report.provider)
      for (kind, count) in last.report.counts {
        metrics.set("payments_reconciliation", count, [provider, ("kind", kind)])
      }
      metrics.set("payments_reconciliation_clean", last.report.isClean ? 1 : 0, [provider])
      let finished = Int(last.finishedAt.timeIntervalSince1970)
      metrics.set("payments_reconciliation_finished_seconds", finished, [provider])
    }
  }

  private static func text(_ text: String, _ mediaType: String) -> Response {
    Response(
      status: .ok,
      headers: [.contentType: mediaType],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text))
    )
  }
}
