func sample(
  id: TaskID
) async throws {}
