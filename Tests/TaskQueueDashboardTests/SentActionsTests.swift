import Foundation
import HTTPTypes
import HummingbirdTesting
import JSONSchemas
import NIOCore
import TaskQueue
import TaskQueueHTTP
import TaskQueueTestKit
import Testing

@testable import TaskQueueDashboard

@Suite("What is sent to the API to be done")
struct SentActionsTests {
  /// In the place of each member, one after the other.
  private static let others: [JSONTree] = [
    .null, .bool(true), .bool(false), .integer(0), .integer(-1), .integer(1_000_000_000_000), .number(1.5), .text(""),
    .text(" "), .text("x"), .text("1"), .text("true"), .text("\0"), .text("a\u{7}"), .text("a/b"),
    .text(String(repeating: "x", count: 2_000)), .array([]), .array([.integer(1)]), .array([.integer(-1)]),
    .array([.text("1")]), .array([.integer(1), .bool(true)]), .array([.array([])]), .object([:]),
    .object(["a": .integer(1)]),
  ]
  /// What an effect's value is belongs to the effect, and texts that say nothing wrong are no fault of their form.
  private static let isRefusedRightly: Set<String> = ["value", "from", "to"]

  @Test("Whatever the document does not allow is refused and changes nothing; what it allows is understood")
  func everyForm() async throws {
    try await DashboardFixture.with { dashboard in
      let schema = try JSONSchema(document: Data(PackageResources.openapi_json))
      let form = try #require(schema.node(["components", "schemas", "NewAction"]))
      var refused = 0
      var understood = 0
      for (body, changed) in try Self.bodies(of: form) {
        let text = try JSONTree.object(body).json
        let isAllowed = schema.problems(of: .object(body), form).isEmpty
        let answer = try await dashboard.post(text)
        if isAllowed {
          understood += 1
          let isFine = answer.status != .badRequest || Self.isRefusedRightly.contains(changed ?? "")
          #expect(isFine && answer.status.code < 500, "\(text): \(String(buffer: answer.body))")
        } else {
          refused += 1
          #expect(answer.status == .badRequest, "\(text): \(String(buffer: answer.body))")
        }
      }
      #expect(refused > 1_000 && understood > 100)
    }
  }

  /// Each form with each member left out, each value of ``others`` in the place of each, and a member that it does not have.
  private static func bodies(of form: JSONTree) throws -> [(body: [String: JSONTree], changed: String?)] {
    var bodies: [(body: [String: JSONTree], changed: String?)] = []
    for branch in form["oneOf"]?.items ?? [] {
      let members = try #require(branch["properties"]?.members)
      for verb in branch["properties"]?["verb"]?["enum"]?.items ?? [] {
        var whole = members.mapValues(example)
        whole["verb"] = verb
        let needed = Set((branch["required"]?.items ?? []).compactMap(\.string))
        bodies += [(whole, nil), (whole.filter { needed.contains($0.key) }, nil)]
        bodies.append((whole.merging(["other": .integer(1)]) { $1 }, "other"))
        for name in members.keys.sorted() where name != "verb" {
          bodies.append((whole.filter { $0.key != name }, name))
          for value in others { bodies.append((whole.merging([name: value]) { $1 }, name)) }
        }
      }
    }
    return bodies
  }

  private static func example(of schema: JSONTree) -> JSONTree {
    if let value = schema["const"] ?? schema["examples"]?.items?.first ?? schema["enum"]?.items?.first { return value }
    return switch schema["type"]?.string {
    case "integer": .integer(schema["minimum"]?.integer ?? 1)
    case "array": .array([.integer(1)])
    default: .text("a")
    }
  }
}
