import HTMLText
import HTTPTypes
import Hummingbird
import Mustache
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Makes HTML of pages. Every value is escaped; no template can leave that out (a test reads them all).
struct PageRenderer: Sendable {
  let title: String
  /// Pages are read from a standby.
  let isCopy: Bool

  private static let library: MustacheLibrary = {
    MustacheContentTypes.register(SafeHTML(), named: SafeHTML.name)
    var library = MustacheLibrary()
    for (name, bytes) in PageTemplates.all {
      // The library takes its own escaping up again with each partial: each template names ours.
      let text = "{{% CONTENT_TYPE:\(SafeHTML.name)}}" + String(decoding: bytes, as: UTF8.self)
      do { try library.register(text, named: name) } catch { preconditionFailure("template \(name): \(error)") }
    }
    return library
  }()

  func response(_ answer: PageAnswer, _ visit: Visit) -> Response {
    switch answer {
    case .seeOther(let location): DashboardResponder.seeOther(location)
    case .page(let page): html(.ok, page, visit)
    }
  }

  func response(_ refusal: Refusal, _ visit: Visit) -> Response {
    let fields: Fields = [
      "code": "\(refusal.status.code)", "problem": refusal.title, "detail": refusal.detail,
      "ways": DashboardPages.ways(from: refusal, visit).map { ["text": $0.text, "href": $0.href] as Fields },
    ]
    return html(refusal.status, Page("refusal", refusal.title, isLive: false, fields), visit)
  }

  private func html(_ status: HTTPResponse.Status, _ page: Page, _ visit: Visit) -> Response {
    var fields = page.fields
    fields.merge(frame(page, visit)) { own, _ in own }
    guard let text = Self.library.render(fields, withTemplate: page.template) else {
      preconditionFailure("there is no template \(page.template)")
    }
    let headers: HTTPFields = [.contentType: "text/html; charset=utf-8"]
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  /// What the head and the foot of each page show.
  private func frame(_ page: Page, _ visit: Visit) -> Fields {
    let isKnown = !visit.token.isEmpty || page.template != "refusal"
    var fields: Fields = [
      "pageTitle": page.title, "siteName": title.isEmpty ? "TaskQueue" : title, "base": visit.base,
      "icon": DashboardAsset.icon.name, "style": DashboardAsset.style.name, "script": DashboardAsset.script.name,
      "isLive": page.isLive, "isCopy": isCopy, "mayAct": visit.mayAct, "token": visit.token, "back": visit.address,
      "readAt": String(Wording.utc(visit.now).suffix(8)),
      "nav": DashboardSection.allCases.map { section -> Fields in
        ["href": visit.base + section.path, "name": section.rawValue, "isCurrent": section == page.section]
      },
    ]
    if !title.isEmpty { fields["siteTitle"] = title }
    fields.set("section", page.section?.rawValue)
    if isKnown, visit.identity.name != "unknown" {
      fields["user"] = ["name": visit.identity.name, "role": visit.mayAct ? "may act" : "looks only"] as Fields
    }
    fields.set("said", Saying.sentence(visit.query))
    return fields
  }
}

/// The escaping of the templates.
struct SafeHTML: MustacheContentType {
  static let name = "TASKQUEUE"

  func escapeText(_ text: String) -> String { HTMLText.escaped(text) }
}
