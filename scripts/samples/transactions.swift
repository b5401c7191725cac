func sample(
  transaction: LibpqTransaction
) async throws {}
