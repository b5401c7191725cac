import ArgumentParser
import Libpq
import TaskQueue
import TaskQueuePostgres

/// How commands end, documented in `docs/command-line.md`. Numbers from 64 on are those of `sysexits.h`.
enum ExitStatus {
  /// Nothing was found, or what was asked for was refused.
  static let nothing: Int32 = 1
  /// `doctor` found something.
  static let findings: Int32 = 2
  static let usage: Int32 = 64
  /// The database cannot be reached, or failed.
  static let unavailable: Int32 = 69
  /// Standard output cannot be written. What was to be done may be done.
  static let outputLost: Int32 = 74
  /// It may or may not have been done: look before it is repeated.
  static let outcomeUnknown: Int32 = 75
  static let noPermission: Int32 = 77
  /// The schema is missing, too old or too new.
  static let configuration: Int32 = 78
  static let interrupted: Int32 = 130

  static func of(_ error: any Error) -> Int32 {
    switch error {
    case let refusal as Refusal: refusal.status
    case let error as TaskQueueError: of(error)
    case let error as MigrationError:
      switch error.code {
      case .insufficientPrivilege: noPermission
      case .databaseFailed: (error.underlying as? LibpqError)?.code == .invalidArgument ? usage : unavailable
      case .invalidSchemaName: usage
      default: configuration
      }
    case is CancellationError: interrupted
    default: unavailable
    }
  }

  private static func of(_ error: TaskQueueError) -> Int32 {
    switch error.code {
    case .unknownTask, .unknownSchedule, .unknownLimit, .refused, .leaseLost: return nothing
    case .invalidName, .invalidOption, .payloadTooLarge, .encodingFailed: return usage
    case .invalidConfiguration: return configuration
    case .outcomeUnknown: return outcomeUnknown
    default:
      let cause = error.underlying as? LibpqError
      if cause?.code == .invalidArgument { return usage }
      switch cause?.sqlState {
      case "42501"?: return noPermission
      case "42P01"?, "3F000"?, "42883"?, "42703"?: return configuration
      default: return unavailable
      }
    }
  }
}

/// Why a command does not do what it was asked for.
struct Refusal: Error {
  var status: Int32
  var message: String
  /// Whether the person wants it so: then it is told, and is no error.
  var isWish = false

  init(_ message: String, status: Int32 = ExitStatus.nothing) {
    self.message = message
    self.status = status
  }

  /// The answer to a question was not yes.
  static var declined: Refusal {
    var refusal = Refusal("Nothing was done.")
    refusal.isWish = true
    return refusal
  }

  static func unknown(_ noun: String, _ name: String) -> Refusal {
    Refusal("There is no \(noun) \(name). Those that there are: taskqueue \(noun) list")
  }

  static func usage(_ message: String) -> Refusal { Refusal(message, status: ExitStatus.usage) }
}

/// What standard error says of an error.
enum ErrorText {
  static func of(_ error: any Error) -> String {
    switch error {
    case let refusal as Refusal: refusal.message
    case let error as TaskQueueError: text(error.message, error.underlying) + hint(error.code)
    case let error as MigrationError: text(error.message, error.underlying)
    case is CancellationError: "Interrupted."
    default: "\(error)"
    }
  }

  /// The command that has the names which there are.
  private static func hint(_ code: TaskQueueError.Code) -> String {
    switch code {
    case .unknownSchedule: " Those that there are: taskqueue schedule list"
    case .unknownLimit: " Those that there are: taskqueue limit list"
    default: ""
    }
  }

  private static func text(_ message: String, _ underlying: (any Error)?) -> String {
    guard let cause = underlying as? LibpqError else { return message }
    if cause.code == .invalidArgument, cause.message.contains("connect") {
      let what = sentences(cause.message)
      return what.prefix(1).uppercased() + what.dropFirst()
        + " Write it as postgresql://user@host:5432/database, or as host=… dbname=…."
    }
    if ["42P01", "3F000", "42883", "42703"].contains(cause.sqlState) {
      let what = sentences(cause.message)
      return "TaskQueue's schema is missing there, or too old: taskqueue migrate makes it. (\(what))"
    }
    if cause.code == .connectFailed {
      return
        "The database cannot be reached: \(sentences(cause.message)) Give its address by --database-url, DATABASE_URL or PGHOST and the like."
    }
    return "\(message) (\(cause))"
  }

  /// libpq's messages have several lines, each a sentence that may lack its end.
  static func sentences(_ message: String) -> String {
    message.split(whereSeparator: \.isNewline).map { line in
      let words = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      return words.last.map { ".?!:".contains($0) } ?? true ? words : words + "."
    }.filter { !$0.isEmpty }.joined(separator: " ")
  }
}
