struct Poll: TaskPayload {
  static let taskType: TaskType = "poll"
}

func sample(
  start: Date,
  end: Date
) async throws {}
