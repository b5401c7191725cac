import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension NewTask {
  /// What enqueues this task in a transaction of another driver: the task exists when that commits, and never did when it rolls back.
  ///
  /// Returns one row: `task_id` (`bigint`) and `is_new` (`boolean`; false: `task_id` is the task that has the unique key already). The
  /// server refuses a payload that is not JSON.
  ///
  /// - Parameters:
  ///   - schema: TaskQueue's.
  ///   - wakes: Whether workers are told at commit; otherwise they notice within their poll interval.
  /// - Throws: ``TaskQueueError`` with `invalidName`, `invalidOption` or `encodingFailed`; nothing is sent by this call in any case.
  public func enqueueStatement(schema: String = "taskqueue", wakes: Bool = true) throws(TaskQueueError) -> SQLStatement
  {
    let schema = try SchemaName(schema)
    var values = TextValues()
    let columns = [
      values.array(type.rawValue, as: "text"), values.array(try text(payload), as: "json"),
      values.array(queue == .default ? nil : queue.rawValue, as: "text"),
      values.array(priority == 100 ? nil : String(priority), as: "int"),
      values.array(delay, as: "interval"),
      values.array(try instant.map(TextValues.timestamp), as: "timestamptz"),
      values.array(unique?.key, as: "text"),
      values.array(unique?.mode.rawValue, as: "text"),
      values.array(unique?.periodAfterCompletion.map(TextValues.interval), as: "interval"),
      values.array(maxAttempts.map { String($0) }, as: "int"),
      values.array(try json(retry), as: "json"),
      values.array(try json(headers.isEmpty ? nil : headers), as: "json"),
      values.array(try deadline.map(TextValues.timestamp), as: "timestamptz"),
    ]
    let arguments = columns.joined(separator: ", ")
    return SQLStatement(
      text: "SELECT task_id, is_new FROM \(schema.quoted)._enqueue_many(\(arguments), \(wakes))",
      parameters: values.parameters
    )
  }

  private var delay: String? {
    if case .after(let delay) = schedule.rule { TextValues.interval(max(.zero, delay)) } else { nil }
  }

  private var instant: Date? {
    if case .at(let instant) = schedule.rule { instant } else { nil }
  }

  private func text(_ bytes: Data) throws(TaskQueueError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw TaskQueueError(.encodingFailed, "A payload must be UTF-8 without NUL bytes.")
    }
    return text
  }

  private func json(_ value: (some Encodable)?) throws(TaskQueueError) -> String? {
    guard let value else { return nil }
    do { return String(decoding: try JSONEncoder().encode(value), as: UTF8.self) } catch {
      throw TaskQueueError(.encodingFailed, "A task's options could not be encoded as JSON.", underlying: error)
    }
  }
}

/// The parameters of a statement as text.
private struct TextValues {
  private(set) var parameters: [String?] = []

  /// SQL for an array of one value; for none, of an empty one, which stands for the default.
  mutating func array(_ value: String?, as type: String) -> String {
    guard let value else { return "'{}'" }
    parameters.append(value)
    return "ARRAY[$\(parameters.count)::text::\(type)]"
  }

  /// As hours, minutes, seconds: every version of PostgreSQL reads 100 years of that. Cut to microseconds.
  static func interval(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let fraction = String(attoseconds / 1_000_000_000_000)
    let padding = String(repeating: "0", count: 6 - fraction.count)
    return "\(seconds / 3600):\(seconds / 60 % 60):\(seconds % 60).\(padding)\(fraction)"
  }

  /// ISO 8601, UTC, microseconds; `infinity` from `.distantFuture` on.
  static func timestamp(_ date: Date) throws(TaskQueueError) -> String {
    if date >= .distantFuture { return "infinity" }
    if date <= .distantPast { return "-infinity" }
    let seconds = date.timeIntervalSince1970
    guard !seconds.isNaN else { throw TaskQueueError(.invalidOption, "A date is not a number.") }
    let microseconds = Int64((seconds * 1_000_000).rounded())
    let whole = Int64((Double(microseconds) / 1_000_000).rounded(.down))
    let day = Date.ISO8601FormatStyle(timeZone: .gmt).format(Date(timeIntervalSince1970: Double(whole)))
    let fraction = String(microseconds - whole * 1_000_000)
    return "\(day.dropLast()).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)Z"
  }
}
