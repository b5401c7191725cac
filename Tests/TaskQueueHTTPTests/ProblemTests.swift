import Foundation
import HTTPTypes
import TaskQueueHTTP
import Testing

extension ProblemKind {
  fileprivate static let soldOut = Self("sold-out", .conflict, "There is none left")
}

@Suite("Problem details")
struct ProblemTests {
  @Test("A response has the status, the media type, and the kind's URI in its body")
  func response() throws {
    let field = Problem.Field(pointer: "/amount", detail: "must be a whole number")
    let error = ProblemError(.soldOut, "No tea.", errors: [field])
    let (head, body) = error.response(base: "https://shop.example/problems#")
    #expect(head.status == .conflict)
    #expect(head.headerFields[.contentType] == "application/problem+json")
    #expect(head.headerFields[.retryAfter] == nil)
    #expect(
      String(decoding: body, as: UTF8.self) == """
        {"detail":"No tea.","errors":[{"detail":"must be a whole number","pointer":"/amount"}],"status":409,\
        "title":"There is none left","type":"https://shop.example/problems#sold-out"}
        """
    )
    #expect(try JSONDecoder().decode(Problem.self, from: body) == error.problem(base: "https://shop.example/problems#"))
  }

  @Test("The app's own fields are added, and one of them counts instead of the kind's")
  func fields() {
    let fields: HTTPFields = [.allow: "GET, HEAD", .retryAfter: "30"]
    let (head, _) = ProblemError(.unavailable, fields: fields).response(base: "")
    #expect(head.headerFields[.allow] == "GET, HEAD")
    #expect(head.headerFields[values: .retryAfter] == ["30"])
  }

  @Test("No more parts of a request are named than anybody reads")
  func bounds() {
    let fields = (0..<1000).map { Problem.Field(pointer: "/\($0)", detail: "is wrong") }
    #expect(ProblemError(.invalidFields, errors: fields).errors?.count == ProblemError.maxErrors)
  }

  @Test("Others' problems are read leniently: what is missing or of another type counts for nothing")
  func lenient() throws {
    func problem(_ json: String) throws -> Problem { try JSONDecoder().decode(Problem.self, from: Data(json.utf8)) }
    #expect(try problem("{}") == Problem(title: nil, status: nil))
    let odd = try problem(
      #"{"type": 7, "title": null, "status": "409", "detail": "Gone.", "errors": "many", "balance": 30}"#
    )
    #expect(odd == Problem(title: nil, status: nil, detail: "Gone."))
    #expect(throws: DecodingError.self) { try problem("[]") }
  }
}
