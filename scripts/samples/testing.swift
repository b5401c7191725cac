import Synchronization
import TaskQueueTestKit
import Testing

struct MailerDown: Error {}

struct OutOfStock: Error {}

final class Mailer: Sendable {
  init(failures: Int = 0) {}
  func send(orderID: Int) async throws {}
}

final class Orders: Sendable {
  var isEmpty: Bool { true }
  func insert(_ id: Int) {}
  func insert(_ order: Order) {}
  func remove(_ id: Int) {}
  func remove(_ id: Int64) {}
}

func placeOrder(_ id: Int, _ client: TaskClient<some TaskStore>) async throws {}

func sample(
  orders: Orders
) async throws {}
