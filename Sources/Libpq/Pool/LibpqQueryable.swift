/// What a connection, a pool and a transaction have in common.
///
/// Cancelling the calling task asks the server to cancel the statement and waits for its answer: ``LibpqError/Code/cancelled`` if
/// it was cancelled, its result if it was faster.
public protocol LibpqQueryable: Sendable {
  /// Runs one statement; its result's columns are in binary format.
  func query(_ statement: LibpqStatement) async throws(LibpqError) -> LibpqResult

  /// Runs all statements in one network round trip with one sync, as one implicit transaction unless inside an explicit one.
  ///
  /// The first error is thrown, and nothing of the pipeline is kept. No COPY, no transaction commands.
  func pipeline(_ statements: [LibpqStatement]) async throws(LibpqError) -> [LibpqResult]

  /// Runs a script of several statements without parameters by the simple protocol, as one implicit transaction unless the script or the
  /// caller has an explicit one. Never build it from untrusted text.
  ///
  /// - Returns: the last statement's result, in text format; nil for an empty script.
  @discardableResult
  func executeScript(_ sql: String) async throws(LibpqError) -> LibpqResult?
}

extension LibpqQueryable {
  /// Runs one statement that is not prepared.
  @discardableResult
  public func query(
    _ sql: String,
    _ parameters: [LibpqValue] = []
  ) async throws(LibpqError) -> LibpqResult {
    try await query(LibpqStatement(sql, parameters))
  }
}
