import TaskQueueTestKit
import Testing
import UnixSignals

struct YourTransaction {
  func execute(_ text: String, _ parameters: [String?]) async throws {}
}

struct CheckCharge: TaskPayload {
  static let taskType: TaskType = "charge.check"
  var id: Int64
}

func placeOrder(_ id: Int64) async throws {}

func sample(
  yourTransaction: YourTransaction,
  receipts: AsyncStream<SendReceipt>,
  id: Int64,
  eventID: String
) async throws {}
