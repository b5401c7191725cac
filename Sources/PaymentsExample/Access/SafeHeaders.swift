import HTTPTypes

/// What every answer says to browsers and caches: take it for what it says it is, keep no copy, run nothing, show it on no
/// other site's page.
enum SafeHeaders {
  private static let fields: [(name: String, value: String)] = [
    ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("Referrer-Policy", "no-referrer"),
  ]

  static func add(to headers: inout HTTPFields) {
    for field in fields {
      if let name = HTTPField.Name(field.name) { headers[name] = field.value }
    }
  }
}
