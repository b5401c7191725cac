import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

/// At most two at a time per customer.
struct BuildReport: TaskPayload {
  static let taskType: TaskType = "report.build"
  static let taskDefaults = TaskDefaults<Self>(limit: { TaskLimit("customer", key: "\($0.customer)") })
  var customer: Int
  var month: Int
}

/// One after the other per account.
struct Book: TaskPayload {
  static let taskType: TaskType = "account.book"
  static let taskDefaults = TaskDefaults<Self>(limit: { TaskLimit("account", key: $0.account) })
  var account: String
  var amount: Int
}

/// Ten per second to the bank, whatever they are for.
struct Pay: TaskPayload {
  static let taskType: TaskType = "bank.pay"
  static let taskDefaults = TaskDefaults<Self>(limit: { _ in TaskLimit("bank") })
  var amount: Int
}

/// What ran, and how much of it at a time.
actor Observer {
  private var running: [Int: Int] = [:]
  private(set) var mostPerCustomer: [Int: Int] = [:]
  private(set) var bookings: [String: [Int]] = [:]
  private(set) var payments: [ContinuousClock.Instant] = []

  func begin(_ report: BuildReport) {
    running[report.customer, default: 0] += 1
    mostPerCustomer[report.customer] = max(mostPerCustomer[report.customer] ?? 0, running[report.customer] ?? 0)
  }
  func end(_ report: BuildReport) { running[report.customer]? -= 1 }
  func note(_ payment: Pay) { payments.append(.now) }
  func note(_ booking: Book) { bookings[booking.account, default: []].append(booking.amount) }
}

@main
struct LimitsExample {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let observer = try await run(LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1]))
    let (most, bookings) = (await observer.mostPerCustomer, await observer.bookings)
    for (customer, count) in most.sorted(by: { $0.key < $1.key }) { print("Customer \(customer): \(count) at a time") }
    for (account, amounts) in bookings.sorted(by: { $0.key < $1.key }) { print("Account \(account): \(amounts)") }
    let payments = await observer.payments
    print("Bank: \(payments.count) payments in \(payments[0].duration(to: payments[payments.count - 1]))")
    await server?.stop()
  }

  static func run(_ database: LibpqConfiguration) async throws -> Observer {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    let observer = Observer()
    var handlers = TaskHandlers()
    try handlers.register(BuildReport.self) { report, _ in
      await observer.begin(report)
      try await Task.sleep(for: .milliseconds(20))
      await observer.end(report)
      return .completed
    }
    struct Busy: Error {}
    try handlers.register(Book.self, options: .init(retry: .fixed(.milliseconds(50)))) { booking, context in
      // The first attempt fails: those behind it wait all the same.
      guard context.attempt > 1 else { throw Busy() }
      await observer.note(booking)
      return .completed
    }
    try handlers.register(Pay.self) { payment, _ in
      await observer.note(payment)
      return .completed
    }
    let limits = [
      LimitRule("customer", concurrency: 2), LimitRule("account", order: .ordered()),
      LimitRule("bank", rate: LimitRate(10, per: .seconds(1))),
    ]
    try await client.limits.declare(limits)
    try await client.enqueue(all: (0..<30).map { BuildReport(customer: $0 % 3, month: $0 / 3) })
    try await client.enqueue(all: (0..<10).map { Book(account: $0 % 2 == 0 ? "A" : "B", amount: $0) })
    try await client.enqueue(all: (0..<11).map { Pay(amount: $0) })
    var configuration = TaskWorkerConfiguration()
    configuration.limits = limits
    let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while try await !client.counts().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
      try await group.waitForAll()
    }
    await store.close()
    return observer
  }
}
