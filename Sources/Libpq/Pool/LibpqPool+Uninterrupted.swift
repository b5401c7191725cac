extension LibpqPool {
  /// As ``query(_:)``, but goes on in a cancelled task: for what must be recorded whatever becomes of the caller.
  ///
  /// A statement that the cancellation reaches is run again on a connection of its own, outside of the pool's bound.
  public func queryUninterrupted(_ statement: LibpqStatement) async throws(LibpqError) -> LibpqResult {
    do { return try await query(statement) } catch {
      // Cancelled before it was sent, or by the server: it changed nothing.
      guard error.code == .cancelled else { throw error }
    }
    let core = try ConnectionCore(configuration)
    try await core.connect(nil)
    do throws(LibpqError) {
      let result = try await core.run(.query(statement), nil)[0]
      await core.finish()
      return result
    } catch {
      await core.finish()
      throw error
    }
  }
}
