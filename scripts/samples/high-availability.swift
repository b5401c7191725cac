import EmbeddedPostgres

func sample(
  string: String
) async throws {}
