struct RenderSlip: TaskPayload {
  static let taskType: TaskType = "slip.render"
  var id: Int64
}

struct RenderPage: TaskPayload {
  static let taskType: TaskType = "page.render"
  var number: Int
}

struct BindBook: TaskPayload {
  static let taskType: TaskType = "book.bind"
}

struct Slip: Codable, Sendable {
  var url: String
}

struct Renderer: Sendable {
  func render(_ slip: RenderSlip) async throws -> String { "" }
}

func log(_ line: String) {}

func sample(
  renderer: Renderer
) async throws {}
