import Tracing

/// The attributes of spans; those that begin with `taskqueue` are ours, the others OpenTelemetry's. All of them are in the table of `docs/observability.md`,
/// which a test checks.
package enum SpanAttributeName: String, CaseIterable, Sendable {
  case system = "messaging.system"
  case operationName = "messaging.operation.name"
  case operationType = "messaging.operation.type"
  case destination = "messaging.destination.name"
  case messageID = "messaging.message.id"
  case batchCount = "messaging.batch.message_count"
  case errorType = "error.type"
  case taskType = "taskqueue.task.type"
  case isNew = "taskqueue.task.is_new"
  case attempt = "taskqueue.attempt"
  case outcome = "taskqueue.outcome"
  case step = "taskqueue.step.name"
  case effect = "taskqueue.effect.name"

  static let systemName = "taskqueue"
}

extension SpanAttributes {
  subscript(_ name: SpanAttributeName) -> (any SpanAttributeConvertible)? {
    get { self[name.rawValue] }
    set { self[name.rawValue] = newValue }
  }
}
