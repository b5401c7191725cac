import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The members of an action that was sent, as ``FormFields``. Of the types that the document says: a number is no text, one task no list of them, and
/// what is empty is not taken for left out.
struct SentFields: Decodable {
  private static let numbers: Set<String> = ["concurrency", "rate", "periodSeconds", "burst", "seconds"]
  private static let ofManyTasks: Set<OperatorAction.Verb> = [.redrive, .purge]

  let fields: FormFields

  /// - Throws: ``Refusal`` with the member that is not of its type.
  static func read(_ body: Data) throws -> FormFields {
    do {
      return try JSONDecoder().decode(SentFields.self, from: body).fields
    } catch let error as DecodingError {
      let name: String?
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        name = context.codingPath.first?.stringValue
      case .keyNotFound(let key, _): name = key.stringValue
      @unknown default: name = nil
      }
      let what = name.map { "\($0) is missing, or not of its type" } ?? "The body is no JSON object"
      throw Refusal.invalid("\(what): openapi.json names the forms that it can have. Nothing was done.")
    }
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Name.self)
    let verb = try members.decode(String.self, forKey: Name(stringValue: "verb"))
    let isOfMany = Self.ofManyTasks.contains(OperatorAction.Verb(rawValue: verb))
    var fields: [FormFields.Field] = []
    for name in members.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
      for value in try Self.values(of: name, in: members, areMany: isOfMany).prefix(FormFields.maxCount) {
        fields.append(.init(name: name.stringValue, value: value))
      }
    }
    self.fields = FormFields(fields)
  }

  private static func values(
    of name: Name,
    in members: KeyedDecodingContainer<Name>,
    areMany: Bool
  ) throws -> [String] {
    switch name.stringValue {
    case "task" where areMany:
      let several = try members.decode([Int64].self, forKey: name)
      guard !several.isEmpty else { throw Refusal.invalid("task names no dead letter.") }
      return several.map { String($0) }
    case "task": return [String(try members.decode(Int64.self, forKey: name))]
    case "all": return [try members.decode(Bool.self, forKey: name) ? "true" : "false"]
    case let text where numbers.contains(text): return [String(try members.decode(Int64.self, forKey: name))]
    case let text:
      let value = try members.decode(String.self, forKey: name)
      // Who acts may have nothing to say.
      guard !value.isEmpty || text == "why" else {
        throw Refusal.invalid("\(text) is empty: leave it out if it does not matter.")
      }
      return [value]
    }
  }
}
