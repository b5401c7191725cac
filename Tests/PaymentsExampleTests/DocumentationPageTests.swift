import Testing

@testable import PaymentsExample

@Suite("The API's readable page")
struct DocumentationPageTests {
  @Test("Text is escaped by scalars, and what stands between backticks is code")
  func prose() {
    #expect(
      DocumentationPage.escaped("\"\u{301}<\u{338}>").unicodeScalars.allSatisfy { !"\"<>".unicodeScalars.contains($0) }
    )
    #expect(DocumentationPage.prose("a `b<` c `d`") == "a <code>b&lt;</code> c <code>d</code>")
    #expect(DocumentationPage.prose("`a` `b") == "<code>a</code> &#96;b")
    #expect(DocumentationPage.prose("a & b") == "a &amp; b")
  }
}
