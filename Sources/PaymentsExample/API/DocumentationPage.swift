import Foundation
import HTTPTypes
import TaskQueueHTTP

/// The readable page, made from the same operations as the OpenAPI document. Loads nothing.
enum DocumentationPage {
  static func make(_ operations: [APIOperation]) -> String {
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
      \(operations.map(section).joined(separator: "\n"))
      <h2>Problems</h2>
      <p>Every error is answered with problem details (RFC 9457). Tell them apart by <code>type</code>.</p>
      <table><tr><th>Status</th><th>type</th><th>title</th></tr>\(problems.joined())</table>
      </body></html>

      """
  }

  private static let style = """
    body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222}
    code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4;border-radius:3px}code{padding:0 .2em}
    pre{padding:.7em;overflow:auto}table{border-collapse:collapse;width:100%}
    td,th{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}
    td code{overflow-wrap:anywhere}h2{margin-top:2.5em}.method{color:#06c}tr:target{background:#ffc}
    @media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}code,pre{background:#2a2a2a}a{color:#6bf}}
    """

  private static func link(_ operation: APIOperation) -> String {
    "<li><a href=\"#\(operation.id)\"><code>\(operation.method.rawValue) \(escaped(operation.path))</code></a> "
      + "\(escaped(operation.summary))</li>"
  }

  private static func section(_ operation: APIOperation) -> String {
    var html = "<h2 id=\"\(operation.id)\"><code><span class=\"method\">\(operation.method.rawValue)</span> "
    html += "\(escaped(operation.path))</code></h2><p><b>\(escaped(operation.summary)).</b> "
    html += "\(escaped(operation.description))</p>"
    if case .key(let scope) = operation.access {
      html += "<p>Needs a key with the scope <code>\(scope.rawValue)</code>, as soon as there are keys.</p>"
    }
    if !operation.parameters.isEmpty {
      let rows = operation.parameters.map { parameter in
        "<tr><td><code>\(escaped(parameter.name))</code></td><td>\(parameter.location.rawValue)"
          + "\(parameter.isRequired ? ", required" : "")</td><td>\(escaped(parameter.description))</td></tr>"
      }
      html += "<table><tr><th>Parameter</th><th>in</th><th></th></tr>\(rows.joined())</table>"
    }
    if let body = operation.body, let example = try? JSONFormat.encoder().encode(body.example) {
      html += "<p>Body, for example:</p><pre>\(escaped(String(decoding: example, as: UTF8.self)))</pre>"
    }
    let answers = operation.answers.map { answer in
      "<tr><td>\(answer.status.code)</td><td>\(escaped(answer.description))\(headers(answer))</td></tr>"
    }
    let problems = operation.problemsByStatus.map { status, kinds in
      let links = kinds.map { "<a href=\"#\($0.name)\">\(escaped($0.title))</a>" }
      return "<tr><td>\(status.code)</td><td>\(links.joined(separator: "; "))</td></tr>"
    }
    return html + "<table><tr><th>Answer</th><th></th></tr>\(answers.joined())\(problems.joined())</table>"
  }

  private static func headers(_ answer: APIOperation.Answer) -> String {
    answer.headers.sorted { $0.key < $1.key }
      .map { "<br><code>\(escaped($0.key))</code>: \(escaped($0.value))" }.joined()
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
