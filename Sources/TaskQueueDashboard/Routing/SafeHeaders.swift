import HTTPTypes

/// What each answer tells browsers: run nothing that is not ours, show this in no frame, keep no copy, and take it for what it says it is.
enum SafeHeaders {
  private static let fields: [HTTPField] = [
    ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
    // Without any referrer a browser would send the origin "null" with our own forms.
    ("Referrer-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
  ].compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }

  static let policy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'
    """

  static func add(to headers: inout HTTPFields) {
    for field in fields { headers[field.name] = field.value }
    if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
  }
}
