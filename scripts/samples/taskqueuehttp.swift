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
  var headers: HTTPFields
}

func insert(_ order: Order, in transaction: LibpqTransaction) async throws -> Int64 { order.id }

func sample(
  caller: Caller,
  request: Request
) async throws {}
