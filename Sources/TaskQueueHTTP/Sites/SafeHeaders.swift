public import HTTPTypes

/// What every answer says to browsers and caches: take it for what it says it is, keep no copy, run nothing, show it on no
/// other site's page.
public enum SafeHeaders {
  public static let contentSecurityPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

  public static let fields: HTTPFields = HTTPFields(
    [
      ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
      ("Content-Security-Policy", contentSecurityPolicy),
      ("Cross-Origin-Resource-Policy", "same-origin"), ("Referrer-Policy", "no-referrer"),
    ].compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }
  )

  public static func add(to headers: inout HTTPFields) {
    for field in fields { headers[field.name] = field.value }
  }
}
