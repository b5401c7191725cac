struct Page: Sendable {}

func render(_ id: Int64) throws -> Page { Page() }

func sample(
  id: Int64
) async throws {}
