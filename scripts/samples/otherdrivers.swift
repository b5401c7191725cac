struct YourTransaction {
  func execute(_ text: String, _ parameters: [String?]) async throws {}
  func execute(_ text: String, _ parameter: Int64) async throws {}
}

struct YourDatabase: Sendable {
  func transaction(_ body: @Sendable (YourTransaction) async throws -> Void) async throws {}
}

func sample(
  yourTransaction: YourTransaction,
  database: YourDatabase
) async throws {}
