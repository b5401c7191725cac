import HTTPTypes
import TaskQueueHTTP

struct ShipOrder: TaskPayload {
  static let taskType: TaskType = "order.ship"
  var orderID: Int64
}

struct Caller {
  var name: String
}

struct Request {
  var head: HTTPRequest
  var headers: HTTPFields
}

struct Response {
  var status: HTTPResponse.Status
  var headers: HTTPFields
}

struct Event {
  var id: String
}

struct LeftAlone: Error {}

extension HTTPField.Name {
  static let providerSignature = Self("Provider-Signature")!
}

func insert(_ order: Order, in transaction: LibpqTransaction) async throws -> Int64 { order.id }

func sample(
  caller: Caller,
  request: Request,
  gate: IdempotencyGate,
  key: RequestKey,
  fingerprint: RequestFingerprint,
  new: String,
  old: String,
  event: Event,
  body: Data
) async throws {}
