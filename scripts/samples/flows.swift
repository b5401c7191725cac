struct Card: Codable, Sendable {
  var number: String
}

struct Purchase: TaskPayload {
  static let taskType: TaskType = "purchase"
  var id: Int64
}

struct PrintBook: TaskPayload {
  static let taskType: TaskType = "book.print"
  var pages: Int
}

struct RenderPage: TaskPayload {
  static let taskType: TaskType = "page.render"
  var number: Int
}

struct Bank: Sendable {
  func charge(_ purchase: Purchase) async throws -> Bool { true }
  func bill(_ account: Int64, _ card: Card) async throws {}
}

func score(_ purchase: Purchase) async throws {}

func sample(
  bank: Bank,
  card: Card
) async throws {}
