/// What a store did against its contract, and where the conformance suite noticed.
@_spi(Store) public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
  public var message: String
  public var fileID: String
  public var line: Int

  public init(_ message: String, fileID: String = #fileID, line: Int = #line) {
    self.message = message
    self.fileID = fileID
    self.line = line
  }

  public var description: String { "\(message) (\(fileID):\(line))" }
}

/// - Throws: ``ConformanceFailure`` unless the condition holds.
func require(
  _ condition: Bool,
  _ message: @autoclosure () -> String,
  fileID: String = #fileID,
  line: Int = #line
) throws {
  guard condition else { throw ConformanceFailure(message(), fileID: fileID, line: line) }
}

/// - Throws: ``ConformanceFailure`` unless both are equal.
func requireEqual<Value: Equatable>(
  _ actual: Value,
  _ expected: Value,
  _ what: @autoclosure () -> String,
  fileID: String = #fileID,
  line: Int = #line
) throws {
  guard actual == expected else {
    throw ConformanceFailure("\(what()): expected \(expected), got \(actual)", fileID: fileID, line: line)
  }
}
