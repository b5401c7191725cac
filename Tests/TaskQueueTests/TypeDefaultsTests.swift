import Foundation
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

private struct Letter: TaskPayload {
  static let taskType: TaskType = "test.letter"
  static let taskDefaults = TaskDefaults<Self>(queue: "mail", priority: 7, maxAttempts: 2, timeout: .seconds(5)) {
    UniqueKey("letter:\($0.number)")
  }
  var number: Int
}

private struct Plain: Codable, Sendable {
  var text: String
}

private struct Dated: TaskPayload {
  static let taskType: TaskType = "test.dated"
  var at: Date
}

@Suite("What a type says holds for every enqueue of it")
struct TypeDefaultsTests {
  @Test("Queue, priority and unique key come from the type, one by one, in bulk and in a stream")
  func everyWay() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let first = try await client.enqueue(Letter(number: 1))
    let bulk = try await client.enqueue(all: [Letter(number: 1), Letter(number: 2)])
    #expect(bulk.map(\.isNew) == [false, true])
    #expect(bulk[0].id == first.id)
    try await client.enqueue(
      streaming: AsyncStream { stream in
        stream.yield(Letter(number: 2))
        stream.yield(Letter(number: 3))
        stream.finish()
      }
    )
    let tasks = try await client.tasks()
    #expect(tasks.map(\.uniqueKey) == ["letter:1", "letter:2", "letter:3"])
    #expect(tasks.allSatisfy { $0.queue == "mail" && $0.priority == 7 })
  }

  @Test("One enqueue may say otherwise, option by option")
  func overridden() throws {
    let task = try NewTask(Letter(number: 1), options: .with { $0.priority = 9 })
    #expect((task.queue, task.priority, task.unique?.key) == ("mail", 9, "letter:1"))
    let other = try NewTask(Letter(number: 1), options: .with { $0.unique = UniqueKey("other") })
    #expect((other.queue, other.priority, other.unique?.key) == ("mail", 7, "other"))
  }

  @Test("A key that a type makes is checked as any other")
  func invalidKey() {
    struct Bad: TaskPayload {
      static let taskType: TaskType = "test.bad"
      static let taskDefaults = TaskDefaults<Self>(unique: { _ in UniqueKey("") })
    }
    let error = #expect(throws: TaskQueueError.self) { try NewTask(Bad()) }
    #expect(error?.code == .invalidName)
    struct Urgent: TaskPayload {
      static let taskType: TaskType = "test.urgent"
      static let taskDefaults = TaskDefaults<Self>(priority: 40_000)
    }
    #expect(throws: TaskQueueError.self) { try NewTask(Urgent()) }
  }

  @Test("The type's attempts hold for its handler")
  func attempts() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    try await client.enqueue(Letter(number: 1))
    try await withWorker(store, quickConfiguration { $0.queues = ["mail"] }) { handlers in
      try handlers.register(Letter.self) { _, context in
        throw RetryAfter(.zero, because: HandlerFailure(description: "attempt \(context.attempt)"))
      }
    } _: { _ in
      try await eventually("it is dead") { try await !client.deadLetters().isEmpty }
    }
    let letter = try #require(try await client.deadLetters().first)
    #expect((letter.reason, letter.failures) == (.failed, 2))
    #expect(letter.errors.map(\.message) == ["attempt 1", "attempt 2"])
    #expect(letter.errors.allSatisfy { $0.errorType.hasSuffix("HandlerFailure") }, "recorded as the wrapped error")
  }

  @Test("A payload that is only Codable names its type where it is enqueued and registered")
  func named() async throws {
    let store = InMemoryTaskStore()
    let seen = Journal<String>()
    try await TaskClient(store: store).enqueue(Plain(text: "hello"), as: "test.plain")
    try await withWorker(store) { handlers in
      try handlers.register("test.plain", as: Plain.self) { plain, context in
        seen.append("\(context.type) \(plain.text)")
        return .completed
      }
    } _: { _ in
      try await eventually("it ran") { seen.entries == ["test.plain hello"] }
    }
  }

  @Test(
    "Dates of other languages and of PostgreSQL are read with ISO 8601 coding",
    arguments: [
      "2026-11-27T07:18:26Z", "2026-11-27T07:18:26.5Z", "2026-11-27T07:18:26.123456+00:00", "2026-11-27T08:18:26+01:00",
      "2026-11-27T12:48:26.25+05:30", "2026-11-26T23:18:26.999-08:00",
    ]
  )
  func dates(text: String) throws {
    let coding = PayloadCoding.iso8601Dates
    let dated = try coding.decoder.decode(Dated.self, from: Data(#"{"at":"\#(text)"}"#.utf8))
    #expect(Int(dated.at.timeIntervalSince1970.rounded(.down)) == 1_795_763_906)
    let again = try coding.decoder.decode(Dated.self, from: coding.encoder.encode(dated))
    #expect(abs(again.at.timeIntervalSince(dated.at)) < 0.001)
  }

  @Test("A date of whole milliseconds is the same however often it is written and read with ISO 8601 coding")
  func sameDates() throws {
    let coding = PayloadCoding.iso8601Dates
    for millisecond in 0..<1_000 {
      let text = String("00\(millisecond)".suffix(3))
      let json = Data(#"{"at":"2026-11-27T07:18:26.\#(text)Z"}"#.utf8)
      #expect(try coding.encoder.encode(coding.decoder.decode(Dated.self, from: json)) == json)
    }
    let rounded = try coding.encoder.encode(Dated(at: Date(timeIntervalSince1970: 0.9996)))
    #expect(String(decoding: rounded, as: UTF8.self) == #"{"at":"1970-01-01T00:00:01.000Z"}"#)
  }

  @Test("What is no date with a zone is refused", arguments: ["2026-11-27", "yesterday", "2026-11-27T07:18:26"])
  func noDates(text: String) {
    #expect(throws: DecodingError.self) {
      try PayloadCoding.iso8601Dates.decoder.decode(Dated.self, from: Data(#"{"at":"\#(text)"}"#.utf8))
    }
  }

  @Test("Client and handlers agree on a coding of the app's choice")
  func coding() async throws {
    let store = InMemoryTaskStore()
    let seen = Journal<Date>()
    let coding = PayloadCoding.iso8601Dates
    let at = Date(timeIntervalSince1970: 1_800_000_000)
    let id = try await TaskClient(store: store, coding: coding).enqueue(Dated(at: at)).id
    let stored = try #require(try await TaskClient(store: store).task(id)?.payload)
    #expect(String(decoding: stored, as: UTF8.self) == #"{"at":"2027-01-15T08:00:00.000Z"}"#)
    var handlers = TaskHandlers(coding: coding)
    try handlers.register(Dated.self) { dated, _ in
      seen.append(dated.at)
      return .completed
    }
    try await withWorker(store, handlers: handlers) { _ in
      try await eventually("it ran") { seen.entries == [at] }
    }
  }
}
