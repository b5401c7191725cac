// What every page takes for granted: see scripts/check-samples.
import Foundation
import Libpq
import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueueInMemory
import TaskQueuePostgres

struct SendReceipt: TaskPayload {
  static let taskType: TaskType = "receipt.send"
  var orderID: Int64
}

struct AskForReview: TaskPayload {
  static let taskType: TaskType = "review.ask"
  var orderID: Int64
}

struct Report: TaskPayload {
  static let taskType: TaskType = "report"
  var region = "EU"
}

struct NoSuchOrder: Error {}

struct Order: Codable, Sendable {
  var id: Int64
  var customer: String
}

struct Mailer: Sendable {
  func send(_ orderID: Int64) async throws {}
  func send(to address: String, subject: String) async throws {}
}

struct Accounts: Sendable {
  func open(_ signUp: SignUp) async throws -> Int64 { 7 }
  func close(_ account: Int64) async throws {}
  func bill(_ account: Int64) async throws {}
}

struct SignUp: TaskPayload {
  static let taskType: TaskType = "signup"
  var customer: Int
}

struct Charge: TaskPayload {
  static let taskType: TaskType = "charge"
  var amount: Int
  var account: String
}

struct ChargeReceipt: Codable, Sendable {
  var id: String
}

struct Declined: Error {}

struct Provider: Sendable {
  func charge(_ charge: Charge, key: String) async throws -> ChargeReceipt { ChargeReceipt(id: key) }
  func find(key: String) async throws -> ChargeReceipt? { nil }
}

func sample(
  client: TaskClient<PostgresTaskStore>,
  store: PostgresTaskStore,
  database: LibpqConfiguration,
  handlers: inout TaskHandlers,
  configuration: inout TaskWorkerConfiguration,
  context: TaskContext,
  logger: Logger,
  customer: String,
  order: Order,
  orders: [Order],
  mailer: Mailer,
  accounts: Accounts,
  provider: Provider,
  report: Report
) async throws {}
