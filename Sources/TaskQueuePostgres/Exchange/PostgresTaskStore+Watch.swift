import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  /// Listens on a connection of its own, which a transaction pooler cannot carry: give a direct one as
  /// ``PostgresStoreConfiguration/listenConnection``. With ``PostgresStoreConfiguration/wakesUp`` off it only waits.
  public func watch(_ onHint: @escaping @Sendable (StoreHint) -> Void) async throws(TaskQueueError) {
    guard configuration.wakesUp else {
      onHint(.resync)
      return await waitForCancellation()
    }
    do throws(LibpqError) {
      let connection = try await LibpqConnection.connect(configuration.listenConnection ?? configuration.connection)
      let names = try await connection.query(LibpqStatement(statements.channels.sql), within: .seconds(5))[0]
      let tasks = try names.text(0)
      let cancels = try names.text(1)
      let onNotification: @Sendable (LibpqNotification) -> Void = { notification in
        if notification.channel == tasks {
          // No queue is without a name.
          onHint(notification.payload.isEmpty ? .schedulesChanged : StoreHint(queue: notification.payload))
        } else if let id = Int64(notification.payload) {
          onHint(.cancelRequested(TaskID(id)))
        }
      }
      try await connection.listen([tasks, cancels], onListening: { onHint(.resync) }, onNotification)
    } catch {
      if error.code == .cancelled, Task.isCancelled { return }
      throw TaskQueueError(error, .safe)
    }
  }

  private func waitForCancellation() async {
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) }
  }
}

extension StoreHint {
  /// What the function `_wake` was told: a queue, after a control character if lines of limits have changed.
  fileprivate init(queue: String) {
    self =
      queue.first == "\u{1}" ? .lineChanged(QueueName(String(queue.dropFirst()))) : .tasksAvailable(QueueName(queue))
  }
}
