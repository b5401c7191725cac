import TaskQueue

/// Money: a call to the bank that must not happen twice.
struct ChargeCard: TaskPayload {
  static let taskType: TaskType = "card.charge"
  static let taskDefaults = TaskDefaults<Self>(queue: "payments", priority: 10, retain: .seconds(3_600))
  var order: Int
  var cents: Int
}

struct SendReceipt: TaskPayload {
  static let taskType: TaskType = "receipt.send"
  static let taskDefaults = TaskDefaults<Self>(queue: "mail", retry: .fixed(.seconds(20)), maxAttempts: 3)
  var order: Int
}

/// Two at a time per customer.
struct SyncCustomer: TaskPayload {
  static let taskType: TaskType = "customer.sync"
  static let taskDefaults = TaskDefaults<Self>(queue: "customers", limit: { TaskLimit("customer", key: $0.customer) })
  var customer: String
}

/// One after the other per account; one that fails for good holds up those behind it.
struct BookEntry: TaskPayload {
  static let taskType: TaskType = "account.book"
  static let taskDefaults = TaskDefaults<Self>(
    queue: "customers",
    maxAttempts: 1,
    limit: { TaskLimit("account", key: $0.account) }
  )
  var account: String
  var amount: Int
}

/// A flow: steps, children, and somebody's word.
struct MonthlyReport: TaskPayload {
  static let taskType: TaskType = "report.month"
  static let taskDefaults = TaskDefaults<Self>(queue: "reports")
  var month: String
}

struct RenderPage: TaskPayload {
  static let taskType: TaskType = "page.render"
  static let taskDefaults = TaskDefaults<Self>(queue: "reports", maxAttempts: 1)
  var page: Int
}

struct ImportFile: TaskPayload {
  static let taskType: TaskType = "file.import"
  static let taskDefaults = TaskDefaults<Self>(queue: "imports", unique: { UniqueKey("import:\($0.file)") })
  var file: String
}

/// No worker serves its queue.
struct ExportInvoice: TaskPayload {
  static let taskType: TaskType = "invoice.export"
  static let taskDefaults = TaskDefaults<Self>(queue: "erp")
  var invoice: Int
}

struct MailRefused: Error, CustomStringConvertible {
  var description: String { "SMTP 421: too many connections from 10.0.4.17, try again later" }
}

struct BankIsSilent: Error, CustomStringConvertible {
  var description: String { "The connection to the bank was closed before it answered" }
}

enum Shop {
  static let queues: [QueueName] = ["payments", "mail", "customers", "reports", "imports"]
  static let limits = [
    LimitRule("customer", concurrency: 2), LimitRule("account", order: .ordered(afterDeadLetter: .hold)),
    LimitRule("bank", rate: LimitRate(10, per: .seconds(1), burst: 5)),
  ]

  static func handlers() throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(ChargeCard.self) { charge, context in
      let receipt = try await context.effects.perform("charge", request: charge) { call in
        // Each fiftieth answer is lost: nobody knows whether the money moved.
        if charge.order % 50 == 0 { throw BankIsSilent() }
        return "receipt-\(charge.order)-\(call.key.rawValue.prefix(8))"
      }
      return try .completed(result: ["receipt": receipt])
    }
    try handlers.register(SendReceipt.self) { receipt, _ in
      try await Task.sleep(for: .milliseconds(40))
      if receipt.order % 7 == 0 { throw MailRefused() }
      return .completed
    }
    try handlers.register(SyncCustomer.self) { _, _ in
      try await Task.sleep(for: .seconds(45))
      return .completed
    }
    try handlers.register(BookEntry.self) { entry, _ in
      if entry.amount > 9_000 { return .discard(reason: "the account \(entry.account) is closed") }
      return .completed
    }
    try handlers.register(MonthlyReport.self) { report, context in
      let rows = try await context.step("collect") { 4_180 }
      let pages = try await context.children("pages", (1...12).map { RenderPage(page: $0) }, atMost: 4)
      _ = try await pages.results(as: Int.self)
      try await context.step("put together \(rows) rows") {}
      let approver: String = try await context.event("approved/\(report.month)", timeout: .seconds(86_400))
      try await context.step("send") { print("\(report.month) approved by \(approver)") }
      return .completed
    }
    try handlers.register(RenderPage.self) { page, _ in
      if page.page == 8 { return .discard(reason: "nothing to print on page 8") }
      return try .completed(result: page.page * 1_000)
    }
    try handlers.register(ImportFile.self) { _, _ in .completed }
    return handlers
  }
}
