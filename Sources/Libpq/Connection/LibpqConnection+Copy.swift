#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension LibpqConnection {
  /// Feeds a `COPY … FROM STDIN`. Memory is bounded: a slow server holds up the sequence. Chunks are bytes (`Data`, `[UInt8]`) and may be
  /// cut anywhere; 64 kB and more amortise the hop that each one costs.
  ///
  /// - Returns: the number of rows copied.
  /// - Throws: what the sequence throws, or the server's error. An error or the task's cancellation aborts the COPY, which then leaves nothing.
  public func copyIn<Chunks: AsyncSequence>(_ sql: String, _ chunks: Chunks) async throws -> Int
  where Chunks.Element: ContiguousBytes & Sendable {
    let core = core
    try await core.interruptible { interruption throws(LibpqError) in try await core.beginCopy(sql, interruption) }
    do {
      for try await chunk in chunks {
        try await core.interruptible { interruption throws(LibpqError) in try await core.copy(chunk, interruption) }
      }
      // A cancelled task's sequence often just ends.
      guard !Task.isCancelled else { throw LibpqError(.cancelled, "the task was cancelled during COPY") }
    } catch {
      _ = try? await core.endCopy(abortMessage: "aborted by the client", nil)
      throw error
    }
    return try await core.interruptible { interruption throws(LibpqError) in
      try await core.endCopy(abortMessage: nil, interruption)
    }
  }
}

extension LibpqTransaction {
  /// As ``LibpqConnection/copyIn(_:_:)``, in this transaction.
  public func copyIn<Chunks: AsyncSequence>(_ sql: String, _ chunks: Chunks) async throws -> Int
  where Chunks.Element: ContiguousBytes & Sendable {
    try checkOpen()
    return try await connection.copyIn(sql, chunks)
  }
}
