import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing

@Suite("What an enqueue refuses")
struct EnqueueValidationTests {
  struct Note: TaskPayload {
    static let taskType: TaskType = "note"
    var text: String
    var number = 1.5
  }

  /// One bad input and the error it is to give.
  struct BadInput: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: TaskQueueError.Code
    var change: @Sendable (inout EnqueueOptions) -> Void

    init(_ name: String, _ code: TaskQueueError.Code, _ change: @escaping @Sendable (inout EnqueueOptions) -> Void) {
      testDescription = name
      self.code = code
      self.change = change
    }
  }

  static let badInputs: [BadInput] = [
    .init("an empty queue name", .invalidName) { $0.queue = "" },
    .init("a queue name of 129 bytes", .invalidName) { $0.queue = QueueName(String(repeating: "q", count: 129)) },
    .init("a queue name of 65 two-byte characters", .invalidName) {
      $0.queue = QueueName(String(repeating: "ü", count: 65))
    },
    .init("a queue name with NUL", .invalidName) { $0.queue = "a\0b" },
    .init("a queue name with a line break", .invalidName) { $0.queue = "a\nb" },
    .init("a queue name with DEL", .invalidName) { $0.queue = "a\u{7F}" },
    .init("a priority above 16 bits", .invalidOption) { $0.priority = 32_768 },
    .init("a priority below 16 bits", .invalidOption) { $0.priority = -32_769 },
    .init("the greatest integer as priority", .invalidOption) { $0.priority = .max },
    .init("no attempts", .invalidOption) { $0.maxAttempts = 0 },
    .init("negative attempts", .invalidOption) { $0.maxAttempts = -1 },
    .init("more than a million attempts", .invalidOption) { $0.maxAttempts = 1_000_001 },
    .init("a delay of more than 100 years", .invalidOption) { $0.schedule = .after(.seconds(3_155_760_001)) },
    .init("an empty unique key", .invalidName) { $0.unique = UniqueKey("") },
    .init("a unique key of 257 bytes", .invalidName) { $0.unique = UniqueKey(String(repeating: "k", count: 257)) },
    .init("a unique key with a control character", .invalidName) { $0.unique = UniqueKey("a\tb") },
    .init("a unique key without period", .invalidOption) { $0.unique = UniqueKey("k", periodAfterCompletion: .zero) },
    .init("a unique key with a negative period", .invalidOption) {
      $0.unique = UniqueKey("k", periodAfterCompletion: .seconds(-1))
    },
    .init("a unique key for more than 100 years", .invalidOption) {
      $0.unique = UniqueKey("k", periodAfterCompletion: .seconds(3_155_760_001))
    },
    .init("a custom retry policy", .invalidOption) { $0.retry = .custom { _ in .seconds(1) } },
    .init("a retry policy with a base of zero", .invalidOption) { $0.retry = .fixed(.zero) },
    .init("a retry policy with a factor above 10", .invalidOption) {
      $0.retry = .exponential(base: .seconds(1), factor: 11)
    },
    .init("headers of more than 16 KiB", .payloadTooLarge) {
      $0.headers = ["h": String(repeating: "x", count: 16 * 1024 - 7)]
    },
    .init("headers of more than 16 KiB as JSON", .payloadTooLarge) {
      $0.headers = ["h": String(repeating: "\"", count: 8 * 1024)]
    },
  ]

  @Test("S15 Bad options are a typed error before anything is stored", arguments: badInputs)
  func badOptions(input: BadInput) async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let options = EnqueueOptions.with(input.change)
    await expect(input.code) { try await client.enqueue(Note(text: "a"), options: options) }
    await expect(input.code) { try await client.enqueue(all: [Note(text: "a"), Note(text: "b")], options: options) }
    await expect(input.code) { _ = try NewTask(type: "note", json: Data("1".utf8), options: options) }
    #expect(try await store.counts().isEmpty)
  }

  @Test("S15 A bad task type is a typed error", arguments: ["", "a\u{1}b", "a\0", String(repeating: "t", count: 129)])
  func badType(name: String) async {
    await expect(.invalidName) { _ = try NewTask(type: TaskType(name), json: Data("1".utf8)) }
  }

  @Test("S15 A payload over the limit is a typed error, one at the limit is not")
  func payloadLimit() async throws {
    let largest = Data("\"\(String(repeating: "x", count: Limits.payloadBytes - 2))\"".utf8)
    _ = try NewTask(type: "note", json: largest)
    await expect(.payloadTooLarge) { _ = try NewTask(type: "note", json: largest + Data(" ".utf8)) }
    let note = Note(text: String(repeating: "x", count: Limits.payloadBytes))
    await expect(.payloadTooLarge) { _ = try NewTask(note) }
  }

  @Test("S15 A payload that cannot be encoded is a typed error")
  func unencodable() async {
    await expect(.encodingFailed) { _ = try NewTask(Note(text: "a", number: .infinity)) }
  }

  @Test("S15 One bad task of a bulk refuses the whole")
  func bulk() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    await expect(.encodingFailed) {
      try await client.enqueue(all: [Note(text: "a"), Note(text: "b", number: .nan), Note(text: "c")])
    }
    #expect(try await store.counts().isEmpty)
  }

  @Test("What cannot be encoded is told by its place and type, not by its value")
  func unencodableValue() throws {
    struct Card: TaskPayload {
      static let taskType: TaskType = "card"
      var number = "4111-1111"
      func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(self, .init(codingPath: [], debugDescription: "no \(number)"))
      }
    }
    struct Nothing: TaskPayload {
      static let taskType: TaskType = "nothing"
      var number = "4111-1111"
      func encode(to encoder: any Encoder) throws {}
    }
    let errors = [
      #expect(throws: TaskQueueError.self) { _ = try NewTask(Card()) },
      #expect(throws: TaskQueueError.self) { _ = try NewTask(Nothing()) },
    ]
    for error in errors {
      let error = try #require(error)
      #expect(error.code == .encodingFailed && !"\(error) \(String(reflecting: error))".contains("4111"))
    }
    let error = #expect(throws: TaskQueueError.self) { _ = try NewTask(Note(text: "a", number: .nan)) }
    #expect(error.map { "\($0)".contains("number: a value of type Double") } == true)
  }

  @Test("Errors never tell a payload or a header's value")
  func discretion() {
    let secret = "4111-1111"
    let huge = String(repeating: secret, count: Limits.payloadBytes / 8)
    for options in [EnqueueOptions(), .with { $0.headers = ["h": huge] }, .with { $0.unique = UniqueKey(huge) }] {
      let error = #expect(throws: TaskQueueError.self) { _ = try NewTask(Note(text: huge), options: options) }
      #expect(error.map { !"\($0)".contains(secret) } ?? false)
    }
  }

  @Test("What is just within the limits is taken")
  func withinLimits() async throws {
    let store = InMemoryTaskStore()
    let all: [EnqueueOptions] = [
      .with { $0.queue = QueueName(String(repeating: "ü", count: 64)) }, .with { $0.priority = -32_768 },
      .with { $0.priority = 32_767 }, .with { $0.maxAttempts = 1 }, .with { $0.maxAttempts = 1_000_000 },
      .with { $0.schedule = .after(Limits.delay) }, .with { $0.schedule = .after(.seconds(-1)) },
      .with { $0.schedule = .at(.distantPast) },
      .with { $0.unique = UniqueKey(String(repeating: "k", count: 256), periodAfterCompletion: Limits.delay) },
      .with { $0.headers = ["h": String(repeating: "x", count: 16 * 1024 - 8)] },
      .with { $0.headers = ["/": String(repeating: "\u{1}", count: (16 * 1024 - 9) / 6)] },
      .with { $0.retry = .exponential(base: .nanoseconds(1), factor: 10, cap: .seconds(1), jitter: 1) },
    ]
    for options in all {
      #expect(try await store.enqueue([NewTask(Note(text: ""), options: options)])[0].isNew)
    }
  }

  private func expect(_ code: TaskQueueError.Code, _ body: () async throws -> Void) async {
    let error = await #expect(throws: TaskQueueError.self) { try await body() }
    #expect(error?.code == code)
  }
}
