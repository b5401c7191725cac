import TaskQueueHTTP
import Testing

@Suite("Fields of a body")
struct BodyFieldsTests {
  /// What is wrong, as `pointer detail`.
  private func faults(
    _ tree: JSONTree,
    allowsOthers: Bool = false,
    _ read: (inout BodyFields) -> Void = { _ in }
  ) -> [String] {
    do throws(ProblemError) {
      var fields = try BodyFields(of: tree)
      read(&fields)
      try fields.finish(allowsOthers: allowsOthers)
      return []
    } catch {
      #expect(error.kind == .invalidFields)
      return (error.errors ?? []).map { "\($0.pointer) \($0.detail)" }
    }
  }

  @Test("What fits its rule is there, what is absent or null isn't, and none of it is wrong")
  func reads() {
    let body: JSONTree = [
      "text": "é", "id": 12, "name": "n", "number": -1, "list": [1, "x"], "any": ["a": true], "none": .null,
    ]
    let found = faults(body) { fields in
      #expect(fields.text("text", length: 1...1, isRequired: true) == "é")
      #expect(fields.identifier("id", length: 1...1) == "12")
      #expect(fields.identifier("name", length: 1...1) == "n")
      #expect(fields.integer("number", in: -1...1, isRequired: true) == -1)
      #expect(fields.array("list", count: 0...2, isRequired: true) == [1, "x"])
      #expect(fields.value("any")?["a"] == true)
      #expect(fields.text("none", length: 1...1) == nil)
      #expect(fields.integer("absent", in: 0...1) == nil)
    }
    #expect(found.isEmpty)
  }

  @Test("Everything that is wrong is told at once")
  func wrong() {
    let body: JSONTree = [
      "short": "a", "exact": "ab", "long": "abc", "empty": "", "nul": "a\0", "kind": 1, "number": "1", "far": 5,
      "half": .number(0.5), "list": [], "map": [:], "bool": false, "a/b~c": 1,
    ]
    let found = faults(body) { fields in
      #expect(fields.text("short", length: 2...9) == nil)
      #expect(fields.text("exact", length: 3...3) == nil)
      #expect(fields.text("long", length: 0...2) == nil)
      #expect(fields.text("empty", length: 1...2) == nil)
      #expect(fields.text("nul", length: 1...2) == nil)
      #expect(fields.text("kind", length: 1...2) == nil)
      #expect(fields.integer("number", in: 0...1) == nil)
      #expect(fields.integer("far", in: 0...1) == nil)
      #expect(fields.integer("half", in: 0...1) == nil)
      #expect(fields.array("list", count: 1...2) == nil)
      #expect(fields.array("map", count: 1...2) == nil)
      #expect(fields.identifier("bool", length: 1...2) == nil)
      #expect(fields.value("absent", isRequired: true) == nil)
    }
    #expect(
      found == [
        "/short must have at least 2 characters", "/exact must have 3 characters",
        "/long must have at most 2 characters",
        "/empty must not be empty", "/nul must not contain U+0000", "/kind must be a string",
        "/number must be a whole number", "/far must be between 0 and 1", "/half must be a whole number",
        "/list must have 1 to 2 elements", "/map must be an array", "/bool must be a string", "/absent is missing",
        "/a~1b~0c is not known here",
      ]
    )
  }

  @Test("Fields that nobody asked for are wrong, unless they are allowed")
  func others() {
    #expect(faults(["b": 1, "a": 2]) == ["/a is not known here", "/b is not known here"])
    #expect(faults(["b": 1, "a": 2], allowsOthers: true).isEmpty)
    #expect(faults(["b": 1], allowsOthers: true) { $0.report("c", "is odd") } == ["/c is odd"])
  }

  @Test("What is no object has no fields", arguments: [.null, 1, "a", [["a": 1]]] as [JSONTree])
  func noObject(tree: JSONTree) {
    #expect(faults(tree) == [" must be an object"])
  }

  @Test("However much is wrong, the answer is short")
  func bounds() {
    let name = String(repeating: "n", count: 500)
    let many = Dictionary(uniqueKeysWithValues: (0..<100).map { ("\(name)\($0)", JSONTree.null) })
    let found = faults(.object(many))
    #expect(found.count == ProblemError.maxErrors)
    #expect(found.allSatisfy { $0 == "/\(name.prefix(100)) is not known here" })
  }
}
