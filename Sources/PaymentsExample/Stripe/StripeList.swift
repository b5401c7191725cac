/// A page of a list, newest first.
struct StripeList<Element: Decodable & Sendable>: Decodable, Sendable {
  var data: [Element]
  var hasMore: Bool

  private enum CodingKeys: String, CodingKey {
    case data
    case hasMore = "has_more"
  }
}
