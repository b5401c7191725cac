import PaymentsExample

/// What the demo's screen knows about one payment.
struct DemoLine: Equatable, Sendable {
  var paymentId: PaymentID
  /// In minor units.
  var amount: Int64
  var currency: String
  var status = PaymentStatus.created
  var attempts = 0
  /// How often money moved for it, by the provider's books.
  var executions = 0
  /// The worker process that works on it right now.
  var worker: String?

  /// Money moved exactly once and both know it; or it was cancelled and none moved.
  var isRight: Bool {
    (status == .done && executions == 1) || (status == .cancelled && executions == 0)
  }

  var amountText: String {
    let cents = amount % 100
    return "\(amount / 100).\(cents < 10 ? "0" : "")\(cents) \(currency)"
  }
}

/// The demo's display as text: a pure value, fed with what was read, asked for lines.
struct DemoBoard: Equatable, Sendable {
  private(set) var lines: [DemoLine] = []

  /// Adds a payment to the board.
  mutating func add(_ payment: Payment) {
    lines.append(
      DemoLine(paymentId: payment.id, amount: payment.amount, currency: payment.currency, status: payment.status)
    )
  }

  /// Takes over what our books, the provider's and the worker processes say; returns the payments whose line changed
  /// in a way worth a line of its own (status or executions).
  mutating func update(
    payments: [Payment],
    executions: (_ reference: String) -> Int,
    worker: (_ paymentId: PaymentID) -> String?
  ) -> [DemoLine] {
    let byId = Dictionary(payments.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var changed: [DemoLine] = []
    for index in lines.indices {
      let before = lines[index]
      if let payment = byId[before.paymentId] {
        lines[index].status = payment.status
        lines[index].attempts = payment.attempts
      }
      lines[index].executions = executions(before.paymentId.description)
      lines[index].worker = worker(before.paymentId)
      let after = lines[index]
      if after.status != before.status || after.executions != before.executions { changed.append(after) }
    }
    return changed
  }

  var isFinal: Bool {
    lines.allSatisfy(\.status.isFinal)
  }

  /// Payments that aren't final, or were executed not exactly once.
  var wrong: [DemoLine] {
    lines.filter { !$0.isRight }
  }

  /// How many left their first status.
  var started: Int {
    lines.count { $0.status != .created }
  }

  /// One line per payment, for a terminal that is redrawn.
  var progress: [String] {
    lines.map { line in
      let bar = Self.bar(line.status)
      let worker = line.worker.map { "  ◂ worker \($0)" } ?? ""
      return "  \(Self.name(line)) \(bar) \(Self.padded(line.status.rawValue, 10))"
        + " attempts \(Self.padded(String(line.attempts), 3)) executed \(line.executions)\(worker)"
    }
  }

  /// One change, for output that isn't redrawn.
  static func change(_ line: DemoLine) -> String {
    "payment \(line.paymentId.short): \(line.status), attempts \(line.attempts), executed \(line.executions)"
  }

  /// The table at the end.
  var table: [String] {
    let header = ["payment", "amount", "status", "attempts", "executions at the provider"]
    let rows = lines.map { line in
      [
        line.paymentId.description, line.amountText, line.status.rawValue, String(line.attempts),
        "\(line.executions)\(line.isRight ? "" : "  ← wrong")",
      ]
    }
    return TextTable(header: header, rows: rows).lines
  }

  private static func name(_ line: DemoLine) -> String {
    "payment \(padded(line.paymentId.short, 10))\(padded(line.amountText, 12))"
  }

  private static func bar(_ status: PaymentStatus) -> String {
    switch status {
    case .created: "[·    ]"
    case .initial: "[■■   ]"
    case .processing: "[■■■■ ]"
    case .done: "[■■■■■]"
    case .cancelled, .failed: "[×××××]"
    default: "[?    ]"
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
