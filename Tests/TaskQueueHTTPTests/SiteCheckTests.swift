import HTTPTypes
import TaskQueueHTTP
import Testing

@Suite("Pages of other sites")
struct SiteCheckTests {
  private func request(
    _ host: String?,
    _ fields: HTTPFields = [:],
    _ method: HTTPRequest.Method = .post
  ) -> HTTPRequest {
    HTTPRequest(method: method, scheme: "http", authority: host, path: "/", headerFields: fields)
  }

  /// What the check throws; nil: the request may go on.
  private func fault(
    _ sites: SiteCheck,
    _ request: HTTPRequest,
    allowsNoHost: Bool = false,
    allowsAnyHost: Bool = false
  ) -> ProblemError? {
    do throws(ProblemError) {
      try sites.check(request, allowsNoHost: allowsNoHost, allowsAnyHost: allowsAnyHost)
      return nil
    } catch { return error }
  }

  @Test("A name that is allowed is one of ours, also for what a proxy forwards")
  func names() {
    let sites = SiteCheck(names: ["Pay.example"])
    func kind(_ host: String, _ origin: String? = nil) -> ProblemKind? {
      var fields = HTTPFields()
      fields[.origin] = origin
      return fault(sites, request(host, fields))?.kind
    }
    for host in ["pay.example:8443", "PAY.example.", "10.0.0.7:8080", "localhost", "[::1]:80"] {
      #expect(kind(host) == nil, "\(host)")
      #expect(kind(host, "https://pay.example") == nil, "\(host)")
    }
    for host in ["callbacks.example", "pay.example.evil", "evil-pay.example", "127.0.0.1.evil.example"] {
      #expect(kind(host) == .unknownHost, "\(host)")
    }
    for origin in ["https://pay.example.evil", "null", "http://localhost", "ftp://pay.example", "pay.example", ""] {
      #expect(kind("pay.example", origin) == .crossSite, "\(origin)")
    }
    for host in ["", "a b", "pay.example:x"] { #expect(kind(host) == .malformedRequest, "\(host)") }
  }

  @Test("Without a name in front a page comes from the very host and port that it asks for")
  func ports() {
    let local = SiteCheck(names: [], listening: ["127.0.0.1", "shop.internal"])
    func kind(_ host: String, _ origin: String) -> ProblemKind? { fault(local, request(host, [.origin: origin]))?.kind }
    #expect(kind("127.0.0.1:8080", "http://127.0.0.1:8080") == nil)
    #expect(kind("127.0.0.1:8080", "http://127.0.0.1:1") == .crossSite)
    #expect(kind("shop.internal", "http://shop.internal") == nil)
    #expect(kind("10.0.0.1", "http://shop.internal") == .crossSite)
  }

  @Test("Any host may be asked for, or none, where that is allowed, and the hint is in the answer elsewhere")
  func exceptions() {
    let sites = SiteCheck(names: [], hint: "Name it.")
    #expect(fault(sites, request("a.example")) == ProblemError(.unknownHost, "Name it."))
    #expect(fault(sites, request("a.example"), allowsAnyHost: true) == nil)
    #expect(fault(sites, request("a b"), allowsAnyHost: true)?.kind == .malformedRequest)
    for method in [HTTPRequest.Method.get, .head] {
      #expect(fault(sites, request(nil, method: method))?.kind == .malformedRequest)
      #expect(fault(sites, request(nil, method: method), allowsNoHost: true) == nil)
      #expect(fault(sites, request("a.example", method: method), allowsNoHost: true)?.kind == .unknownHost)
    }
    #expect(fault(sites, request(nil), allowsNoHost: true)?.kind == .malformedRequest)
  }

  private func request(_ host: String?, method: HTTPRequest.Method) -> HTTPRequest { request(host, [:], method) }

  @Test(
    "What a form or another site's page can send changes nothing",
    arguments: [
      ([.contentType: "text/plain"], .notJSON), ([.contentType: "application/jsonp"], .notJSON),
      ([.contentType: "multipart/form-data; boundary=application/json"], .notJSON),
      ([.contentType: "application/json", .contentEncoding: "gzip"], .notJSON),
      ([.fetchSite: "cross-site"], .crossSite), ([.fetchSite: "same-site"], .crossSite),
      ([.fetchSite: "same-origin", .origin: "https://evil.example"], .crossSite),
      ([.expect: "100-continue, 200-ok"], .expectationFailed), ([.host: "localhost"], .malformedRequest),
      ([.contentType: " Application/JSON ; charset=utf-8", .contentEncoding: "Identity"], nil),
      ([.fetchSite: "same-origin", .origin: "http://localhost"], nil), ([.fetchSite: "none"], nil),
      ([.expect: " 100-Continue\t"], nil), ([:], nil),
    ] as [(HTTPFields, ProblemKind?)]
  )
  func pages(fields: HTTPFields, kind: ProblemKind?) {
    let sites = SiteCheck(names: [])
    #expect(fault(sites, request("localhost", fields))?.kind == kind)
    #expect(fault(sites, request("localhost", fields), allowsAnyHost: true)?.kind == kind, "nor with a signature")
  }

  @Test("Looking changes nothing, and may be asked for from anywhere")
  func looks() {
    let fields: HTTPFields = [.fetchSite: "cross-site", .origin: "https://evil.example", .contentType: "text/plain"]
    for method in [HTTPRequest.Method.get, .head, .options] {
      #expect(fault(SiteCheck(names: []), request("localhost", fields, method)) == nil)
    }
  }

  @Test("Every answer has the headers, each once")
  func safeHeaders() {
    var headers: HTTPFields = [.cacheControl: "max-age=60", .contentType: "application/json"]
    for _ in 1...2 { SafeHeaders.add(to: &headers) }
    #expect(headers.count == 6)
    #expect(headers[.cacheControl] == "no-store")
    #expect(headers[.contentSecurityPolicy] == SafeHeaders.contentSecurityPolicy)
    #expect(SafeHeaders.fields[.xContentTypeOptions] == "nosniff")
  }
}

extension HTTPField.Name {
  fileprivate static let host = Self("Host")!
  fileprivate static let fetchSite = Self("Sec-Fetch-Site")!
}
