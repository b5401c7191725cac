import Libpq
import Synchronization
import TaskQueueTestKit
import Testing

@testable import FanOut

@Suite("Fan-out")
struct FanOutTests {
  @Test("A thousand children, all of them counted, and their results added up", .database(migrated: false))
  func pages() async throws {
    let database = try #require(TestDatabase.current)
    let lines = Mutex<[String]>([])
    let book = try await FanOut.run(database.postgresConfiguration, pages: 1_000) { line in
      lines.withLock { $0.append(line) }
    }
    let printed = (1...1_000).filter { !$0.isMultiple(of: 100) }
    let bytes = printed.reduce(0) { $0 + 1_000 + $1 }
    #expect(book == Book(pages: 990, bytes: bytes, blankPages: 10))
    #expect(lines.withLock { $0.count } > 1)
  }
}
