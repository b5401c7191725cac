import Foundation

/// The first line on standard output: what runs, and where.
struct DescriptorLine: Codable, Hashable {
  /// As in `adapter.json`: the harness compares them.
  static let system = "taskqueue"
  static let eventTables = ["taskqueue.task", "taskqueue.throughput_minute", "taskqueue.worker"]

  var kind = "descriptor"
  var system = Self.system
  var eventTables = Self.eventTables
  var extensions: [String] = []
  var version: String
  var schemaVersion: String
  var databaseName: String
  var startedAt: String
  var instance: Int

  enum CodingKeys: String, CodingKey {
    case kind, system, extensions, version
    case eventTables = "event_tables"
    case schemaVersion = "schema_version"
    case databaseName = "db_name"
    case startedAt = "started_at"
    case instance = "instance_id"
  }
}

/// One figure at one time.
struct SampleLine: Codable, Hashable {
  var time: String
  var system = DescriptorLine.system
  var instance: Int
  var kind = "adapter"
  var subjectKind = "adapter"
  var subject = ""
  var metric: String
  var value: Double
  /// Seconds that the value is about; 0: the moment.
  var window: Double

  enum CodingKeys: String, CodingKey {
    case system, kind, subject, metric, value
    case time = "t"
    case instance = "instance_id"
    case subjectKind = "subject_kind"
    case window = "window_s"
  }
}

/// Standard output, a line per call. Everything else goes to standard error.
enum AdapterOutput {
  static func write(_ line: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try FileHandle.standardOutput.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
  }

  /// Such as `2026-04-17T09:00:10.000Z`.
  static func time(_ date: Date) -> String { Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(date) }
}
