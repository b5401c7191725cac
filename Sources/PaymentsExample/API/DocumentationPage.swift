import Foundation
import HTMLText
import HTTPTypes
import TaskQueueHTTP

/// The readable page, made from the same operations as the OpenAPI document. Loads nothing.
enum DocumentationPage {
  /// - Parameter providers: that new payments may name.
  static func make(_ operations: [APIOperation], providers: [String]) -> String {
    let fields = DocumentationFields(schemas: APISchemas.all(providers: providers))
    let answers = operations.flatMap { $0.answers.compactMap(\.schema) }
    let bodies = operations.compactMap { $0.body.flatMap { fields.schemas[$0.schema] } }
    let objects = fields.objects(answers + bodies.flatMap(DocumentationFields.references) + ["Problem"])
    let problems = ProblemKind.allCases.map { kind in
      "<tr id=\"\(kind.name)\"><td>\(kind.status.code)</td><td><code>\(escaped(kind.type))</code></td>"
        + "<td>\(escaped(kind.title))</td></tr>"
    }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>\(OpenAPIDocument.title)</title><style>\(style)</style></head><body>
      <h1>\(OpenAPIDocument.title)</h1>
      <p>\(escaped(OpenAPIDocument.introduction))</p>
      <p>For machines: <a href="/openapi.json">/openapi.json</a>.</p>
      <nav><ul>\(operations.map(link).joined())</ul></nav>
      \(operations.map { section($0, fields) }.joined(separator: "\n"))
      <h2>Objects</h2>
      \(objects.map { "<h3 id=\"\(DocumentationFields.id($0))\">\($0)</h3>" + fields.table($0) }.joined(separator: "\n"))
      <h2>Problems</h2>
      <p>Every error is answered with problem details (RFC 9457, a \(fields.link("Problem"))). Tell them apart by <code>type</code>.</p>
      <table><tr><th>Status</th><th>type</th><th>title</th></tr>\(problems.joined())</table>
      </body></html>

      """
  }

  private static let style = """
    body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222}
    code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4;border-radius:3px}code{padding:0 .2em}
    pre{padding:.7em;white-space:pre-wrap;overflow-wrap:break-word;overflow:auto}
    @media(min-width:36rem){.f td:first-child{white-space:nowrap}.f td:nth-child(2){min-width:11em}}
    table{border-collapse:collapse;width:100%}
    td,th{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}
    td code,h2 code{word-break:break-word}h2{margin-top:2.5em}.method{color:#06c}tr:target{background:#ffc}
    h3{margin:1.5em 0 .3em}b{font-weight:600}
    @media(max-width:36rem){body{margin:1rem auto}.f,.f tbody{display:block}.f th{display:none}
    .f tr{display:block;padding:.3em 0;border-bottom:1px solid #ddd}.f td{display:inline;border:0;padding-right:.4em}
    .f td:last-child{display:block}nav ul{padding-left:1.2em}}
    @media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}code,pre{background:#2a2a2a}a{color:#6bf}}
    """

  private static func link(_ operation: APIOperation) -> String {
    "<li><a href=\"#\(operation.id)\"><code>\(operation.method.rawValue) \(escaped(operation.path))</code></a> "
      + "\(prose(operation.summary))</li>"
  }

  private static func section(_ operation: APIOperation, _ fields: DocumentationFields) -> String {
    var html = "<h2 id=\"\(operation.id)\"><code><span class=\"method\">\(operation.method.rawValue)</span> "
    html += "\(escaped(operation.path))</code></h2><p><b>\(prose(operation.summary)).</b> "
    html += "\(prose(operation.description))</p>"
    if case .key(let scope) = operation.access {
      html += "<p>Needs a key with the scope <code>\(scope.rawValue)</code>, as soon as there are keys.</p>"
    }
    if !operation.parameters.isEmpty {
      let rows = operation.parameters.map { parameter in
        "<tr><td><code>\(escaped(parameter.name))</code></td><td>\(parameter.location.rawValue), "
          + "\(fields.type(parameter.schema))\(parameter.isRequired ? ", <b>required</b>" : "")</td><td>\(prose(parameter.description))</td></tr>"
      }
      html += "<table class=\"f\"><tr><th>Parameter</th><th>in</th><th></th></tr>\(rows.joined())</table>"
    }
    if let body = operation.body, let example = try? JSONFormat.encoder().encode(body.example) {
      html += "<p>Body\(body.isRequired ? "" : ", if there is one"), for example:</p>"
      html += "<pre>\(escaped(String(decoding: example, as: UTF8.self)))</pre>\(fields.table(body.schema))"
    }
    let answers = operation.answers.map { answer in
      let object = answer.schema.map { " \(fields.link($0))." } ?? ""
      return "<tr><td>\(answer.status.code)</td><td>\(prose(answer.description))\(object)\(headers(answer))</td></tr>"
    }
    let problems = operation.problemsByStatus.map { status, kinds in
      let links = kinds.map { "<a href=\"#\($0.name)\">\(escaped($0.title))</a>" }
      return "<tr><td>\(status.code)</td><td>\(links.joined(separator: "; "))</td></tr>"
    }
    return html + "<table><tr><th>Answer</th><th></th></tr>\(answers.joined())\(problems.joined())</table>"
  }

  private static func headers(_ answer: APIOperation.Answer) -> String {
    answer.headers.sorted { $0.key < $1.key }
      .map { "<br><code>\(escaped($0.key))</code>: \(prose($0.value))" }.joined()
  }

  /// Text for people, with code between backticks.
  static func prose(_ text: String) -> String {
    let parts = text.unicodeScalars.split(separator: "`", omittingEmptySubsequences: false).map { escaped(String($0)) }
    // One without its counterpart is a backtick.
    let isOpen = parts.count.isMultiple(of: 2)
    return parts.enumerated().reduce(into: "") { html, part in
      let isLast = part.offset == parts.count - 1
      if part.offset.isMultiple(of: 2) {
        html += part.element
      } else {
        html += isLast && isOpen ? "&#96;\(part.element)" : "<code>\(part.element)</code>"
      }
    }
  }

  static func escaped(_ text: String) -> String { HTMLText.escaped(text) }
}
