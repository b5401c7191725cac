struct SendFile: TaskPayload {
  static let taskType: TaskType = "file.send"
  var path: String
}

struct BankAnswer {
  var isTooManyRequests: Bool
  var retryAfter: Duration
}

struct Bank: Sendable {
  func charge(_ charge: Charge) async throws -> BankAnswer { fatalError() }
}

func sample(
  bank: Bank,
  file: SendFile
) async throws {}
