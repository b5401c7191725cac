public import Foundation
public import TaskQueueHTTP

extension JSONTree {
  public init(_ json: Data) throws { self = try JSONDecoder().decode(JSONTree.self, from: json) }

  public var json: String {
    get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
  }

  public var members: [String: JSONTree]? { if case .object(let members) = self { members } else { nil } }
  public var items: [JSONTree]? { if case .array(let items) = self { items } else { nil } }
  public var string: String? { if case .text(let text) = self { text } else { nil } }
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
}
