import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a template is filled with: texts, flags, and fields or arrays of fields below. What is not there is not shown.
typealias Fields = [String: Any]

/// A page before it is rendered.
struct Page {
  var template: String
  var title: String
  var section: DashboardSection?
  var fields: Fields
  /// The script fetches it again every few seconds.
  var isLive = true

  init(_ template: String, _ title: String, in section: DashboardSection? = nil, isLive: Bool = true, _ fields: Fields)
  {
    self.template = template
    self.title = title
    self.section = section
    self.isLive = isLive
    self.fields = fields
  }
}

/// What a path leads to.
enum PageAnswer {
  case page(Page)
  case seeOther(String)
}

/// A part of the dashboard, as the navigation names it.
enum DashboardSection: String, CaseIterable {
  case overview = "Overview"
  case tasks = "Tasks"
  case dead = "Dead letters"
  case effects = "Effects"
  case schedules = "Schedules"
  case limits = "Limits"
  case workers = "Workers"
  case throughput = "Throughput"
  case journal = "Journal"

  var path: String { self == .overview ? "/" : "/\(self == .dead ? "dead" : rawValue.lowercased())" }
}

extension Visit {
  /// For the template `time`: an instant, and how far away it is.
  func time(_ date: Date) -> Fields {
    ["iso": Wording.iso(date), "abs": Wording.utc(date), "words": Wording.relative(date, to: now)]
  }

  func time(_ date: Date?) -> Fields? { date.map { time($0) } }

  func link(task: TaskID) -> String { "\(base)/tasks/\(task)" }
  func link(queue: QueueName) -> String { link("/queue", ["name": queue.rawValue]) }
}

extension [String: Any] {
  /// Leaves the field out if there is no value.
  mutating func set(_ name: String, _ value: (some Any)?) { if let value { self[name] = value } }
}
