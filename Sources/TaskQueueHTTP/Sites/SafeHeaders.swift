public import HTTPTypes

/// What the answers of an API for programs say to browsers and caches: take it for what it says it is, keep no copy, run nothing, show it on no
/// other site's page.
///
/// For an API of JSON, whose pages are at most one of documentation. Pages that load scripts, styles or pictures need a policy of their own.
public enum SafeHeaders {
  /// Of `Content-Security-Policy`: nothing is loaded or run, and no page frames it. Styles within the page are allowed, for one of documentation.
  public static let contentSecurityPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

  /// `X-Content-Type-Options: nosniff`, `Cache-Control: no-store`, `Content-Security-Policy` with ``contentSecurityPolicy``,
  /// `Cross-Origin-Resource-Policy: same-origin`, `Referrer-Policy: no-referrer`.
  public static let fields: HTTPFields = HTTPFields(
    [
      ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
      ("Content-Security-Policy", contentSecurityPolicy),
      ("Cross-Origin-Resource-Policy", "same-origin"), ("Referrer-Policy", "no-referrer"),
    ].compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }
  )

  /// Adds ``fields``, each instead of one of the same name. Give them to every answer, also to errors.
  public static func add(to headers: inout HTTPFields) {
    for field in fields { headers[field.name] = field.value }
  }
}
