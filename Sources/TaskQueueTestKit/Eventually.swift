/// A condition did not come true in time.
public struct NeverHappened: Error, CustomStringConvertible {
  public let description: String
}

/// Waits for a condition that another task, process or server brings about. The limit only bounds a failing test.
///
/// - Throws: ``NeverHappened`` after `limit`; whatever the condition throws.
public func eventually(
  _ what: String,
  within limit: Duration = .seconds(120),
  fileID: String = #fileID,
  line: Int = #line,
  _ condition: () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let end = clock.now.advanced(by: limit)
  while true {
    if try await condition() { return }
    guard clock.now < end else {
      throw NeverHappened(description: "\(fileID):\(line): it never happened that \(what)")
    }
    try await clock.sleep(for: .milliseconds(5))
  }
}
