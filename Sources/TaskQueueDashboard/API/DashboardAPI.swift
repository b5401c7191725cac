import HTTPTypes
import Hummingbird
import NIOCore
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What pages show and do, for programs: JSON below `/api/v1`, described by `/api/v1/openapi.json`.
struct DashboardAPI: Sendable {
  static let path = ["api", "v1"]

  let source: DashboardSource
  let actions: ActionDesk
  let maxBodyTime: Duration
  private var reads: any DashboardStore { source.reads }

  func respond(to request: Request, _ visit: Visit) async throws -> Response {
    let path = Array(visit.path.dropFirst(Self.path.count))
    if request.method == .post {
      try QueryRule.nothing.check(visit.query, takesEmptyOnes: false)
      let report = try await actions.perform(try await fields(request), by: visit.identity)
      return Self.answer(.json(report))
    }
    guard let rule = Self.rule(path) else { throw Refusal.notFound }
    try rule.check(visit.query, takesEmptyOnes: false)
    if path == ["openapi.json"] { return Self.answer(PackageResources.openapi_json, "application/json") }
    return Self.answer(try await value(path, visit))
  }

  private func value(_ path: [String], _ visit: Visit) async throws -> JSON {
    let query = visit.query
    let limit = query.number("limit").map { Int($0) } ?? DashboardPages.lines
    switch path {
    case ["overview"]: return .json(try await reads.overview())
    case ["tasks"]:
      return .json(
        try await reads.list(
          try TaskFilter(query.with("limit", query["ofLimit"])),
          after: query["after"].flatMap { TaskCursor($0) },
          limit: limit
        )
      )
    case ["effects"]:
      return ["effects": .array(try await reads.unsettledEffects(olderThan: .zero, limit: limit).map { .json($0) })]
    case ["schedules"]:
      let schedules = try await reads.schedules.list(after: query["after"], limit: limit)
      return [
        "schedules": .array(schedules.map { .json($0) }),
        "next": schedules.count == limit ? schedules.last.map { .text($0.name) } : nil,
      ]
    case ["limits"]: return ["limits": .array(try await reads.limits.list().map { .json($0) })]
    case ["limit-lines"]:
      let lines = try await reads.limitLines(of: try query.required("name"), after: query["after"], limit: limit)
      return [
        "lines": .array(lines.map { .json($0) }),
        "next": lines.count == limit ? lines.last.map { .text($0.limit.key) } : nil,
      ]
    case ["workers"]: return ["workers": .array(try await reads.workers().map { .json($0) })]
    case ["throughput"]:
      let counts = try await reads.throughput(of: .seconds((query.number("minutes") ?? 60) * 60), limit: 10_000)
      return ["counts": .array(counts.map { .json($0) })]
    case ["actions"]:
      let target = query["about"].map { OperatorTarget($0) }
      let lines = try await reads.operatorActions(before: query.number("before"), about: target, limit: limit)
      return [
        "actions": .array(lines.map { .json($0) }),
        "next": lines.count == limit ? lines.last.map { .number($0.id) } : nil,
      ]
    default:
      guard let (id, isExplanation) = Self.task(path) else { throw Refusal.notFound }
      if isExplanation { return .json(try await reads.explain(id)) }
      guard let detail = try await reads.detail(of: id, withPayload: visit.showsPayload) else {
        throw Refusal.unknownTask
      }
      return .json(detail, showsHeaders: visit.showsPayload)
    }
  }

  private static let rules: [String: QueryRule] = [
    "openapi.json": .nothing, "overview": .nothing, "tasks": .listedTasks, "effects": .listedEffects,
    "schedules": .listedSchedules, "limits": .nothing, "limit-lines": .limitLines, "workers": .nothing,
    "throughput": .minutes, "actions": .actions,
  ]

  /// nil: there is no such path.
  static func methods(_ path: [String]) -> [HTTPRequest.Method]? {
    rule(path).map { _ in path == ["actions"] ? [.get, .head, .post] : [.get, .head] }
  }

  /// nil: there is no such path.
  private static func rule(_ path: [String]) -> QueryRule? {
    if let (_, isExplanation) = task(path) { return isExplanation ? .nothing : .task }
    return path.count == 1 ? rules[path[0]] : nil
  }

  private static func task(_ path: [String]) -> (TaskID, isExplanation: Bool)? {
    guard 2...3 ~= path.count, path[0] == "tasks", let id = Int64(path[1]), id >= 0, String(id) == path[1],
      path.count == 2 || path[2] == "explanation"
    else { return nil }
    return (TaskID(id), path.count == 3)
  }

  /// A JSON object: no form of another site can send one.
  private func fields(_ request: Request) async throws -> FormFields {
    let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
    guard type.map({ String($0).trimmed }) == "application/json" else {
      throw Refusal(.unsupportedMediaType, "Not JSON", "The body must be a JSON object, as application/json.")
    }
    let body = try await DashboardResponder.body(request, within: maxBodyTime)
    return try SentFields.read(Data(body.readableBytesView))
  }

  // MARK: Answers

  /// Problem details (RFC 9457).
  func problem(_ refusal: Refusal) -> Response {
    let json: JSON = [
      "title": .text(refusal.title), "status": .int(refusal.status.code), "detail": .text(refusal.detail),
      "parameter": refusal.parameter.map { .text($0) },
    ]
    return Self.answer(json.bytes, "application/problem+json", refusal.status)
  }

  private static func answer(_ json: JSON) -> Response { answer(json.bytes, "application/json") }

  private static func answer(_ bytes: [UInt8], _ type: String, _ status: HTTPResponse.Status = .ok) -> Response {
    Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
