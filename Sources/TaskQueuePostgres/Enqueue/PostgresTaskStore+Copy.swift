import Libpq
@_spi(Store) import TaskQueue

extension PostgresTaskStore {
  /// Stores tasks without unique keys by COPY, in the caller's transaction. All ids are drawn before anything is copied.
  ///
  /// - Returns: nil if the role may not write the table: nothing was stored.
  func copy(_ tasks: [NewTask], in transaction: LibpqTransaction) async throws(TaskQueueError) -> [EnqueueResult]? {
    var results: [EnqueueResult] = []
    results.reserveCapacity(tasks.count)
    var queues: Set<QueueName> = []
    for slice in TaskCopy.slices(of: tasks) {
      guard let ids = try await copy(slice, waking: &queues, in: transaction) else { return nil }
      for id in ids { results.append(EnqueueResult(id: TaskID(id), isNew: true)) }
    }
    // Last, and once: the locks that guard NOTIFY are then held for the COMMIT only.
    if configuration.wakesUp, !queues.isEmpty {
      _ = try await query(statements.wake(.textArray(queues.map(\.rawValue))), in: transaction)
    }
    return results
  }

  private func copy(
    _ slice: TaskCopy,
    waking queues: inout Set<QueueName>,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> [Int64]? {
    do {
      let drawn = try await transaction.pipeline([
        // The transaction's id in the same round trip: an unknown COMMIT can then be looked up.
        statements.clock(), statements.drawIDs(.int8(Int64(slice.tasks.count))),
      ])
      let now = try drawn[0][0].timestamptz(0)
      transaction.transactionID = UInt64(bitPattern: try drawn[0][0].int8(1))
      var ids: [Int64] = []
      ids.reserveCapacity(slice.tasks.count)
      if drawn[1].rowCount == 0 { return nil }
      for row in drawn[1].rows { ids.append(try row.int8(0)) }
      guard ids.count == slice.tasks.count else {
        throw TaskQueueError(.storeFailed, "The server drew \(ids.count) ids.")
      }
      let sql =
        "COPY \(statements.taskTable) (\(slice.columns.names.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
      let stored = try await transaction.copyIn(sql, slice.chunks(ids: ids, at: now))
      guard stored == slice.tasks.count else {
        throw TaskQueueError(
          .storeFailed,
          "COPY stored \(stored) of \(slice.tasks.count) tasks; a trigger dropped some?"
        )
      }
      queues.formUnion(slice.queuesToWake(at: now))
      return ids
    } catch let error as TaskQueueError {
      throw error
    } catch let error as LibpqError {
      throw TaskQueueError(error, .safe)
    } catch {
      throw TaskQueueError(.storeFailed, "The tasks could not be copied.", underlying: error)
    }
  }
}
