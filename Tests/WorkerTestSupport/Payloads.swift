package import TaskQueue

package struct Ping: TaskPayload {
  package static let taskType: TaskType = "test.ping"
  package var number: Int

  package init(number: Int = 0) { self.number = number }
}

package struct Pong: TaskPayload {
  package static let taskType: TaskType = "test.pong"
  package var text: String

  package init(text: String = "") { self.text = text }
}

package struct HandlerFailure: Error, CustomStringConvertible {
  package var description: String

  package init(description: String = "the provider is down") { self.description = description }
}
