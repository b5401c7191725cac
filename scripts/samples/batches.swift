struct ImportProduct: TaskPayload {
  static let taskType: TaskType = "product.import"
  var number: Int64
  var name: String
}

struct RenderVideo: TaskPayload {
  static let taskType: TaskType = "video.render"
  var id: Int64
}

func render(_ video: RenderVideo) async throws {}
