import HTTPTypes
import TaskQueue

/// Why a request gets no page: a status, and a sentence for people.
struct Refusal: Error, Equatable {
  var status: HTTPResponse.Status
  var title: String
  var detail: String
  var retryAfterSeconds: Int?
  /// Of a method that the path does not have.
  var allow: String?
  /// Of an address: what cannot be asked for, or not so.
  var parameter: String?

  init(
    _ status: HTTPResponse.Status,
    _ title: String,
    _ detail: String,
    retryAfterSeconds: Int? = nil,
    allow: String? = nil
  ) {
    self.status = status
    self.title = title
    self.detail = detail
    self.retryAfterSeconds = retryAfterSeconds
    self.allow = allow
  }

  static let notFound = notFound("There is no such page.")
  static let unknownTask = Refusal(.notFound, "No such task", "There never was a task with this id.")
  static let notSignedIn = Refusal(.unauthorized, "Sign in", "Say who you are to see this.")
  static let mayNotAct = Refusal(.forbidden, "Read only", "You may look here, but change nothing.")
  static let readOnly = Refusal(.forbidden, "Read only", "This dashboard changes nothing for anybody.")
  static let otherSite = Refusal(
    .forbidden,
    "Refused",
    "The request comes from another site. Act from a page of this dashboard."
  )
  static let otherHost = Refusal(.misdirectedRequest, "Refused", "This server is not reached by this name.")
  static let oldForm = Refusal(
    .forbidden,
    "Out of date",
    "The page was open for too long, or for somebody else. Load it again, and repeat what you did."
  )
  static let bodyTooLarge = Refusal(.contentTooLarge, "Too large", "The request's body is too large.")
  static let bodyTooSlow = Refusal(.requestTimeout, "Too slow", "The request's body did not come in time.")
  static let busy = Refusal(
    .serviceUnavailable,
    "Busy",
    "Many pages are being made at the moment. Try again in a second.",
    retryAfterSeconds: 1
  )
  static let internalError = Refusal(.internalServerError, "It failed", "Something of ours failed; the log says what.")

  static func notFound(_ detail: String) -> Refusal { Refusal(.notFound, "Not found", detail) }
  static func invalid(_ detail: String) -> Refusal { Refusal(.badRequest, "Not understood", detail) }

  static func parameter(_ name: String, _ detail: String) -> Refusal {
    var refusal = invalid(detail)
    refusal.parameter = name
    return refusal
  }

  static func methodNotAllowed(_ allow: String) -> Refusal {
    Refusal(.methodNotAllowed, "Not allowed", "The page has \(allow).", allow: allow)
  }

  /// What people learn of an error: never a parameter, and of our own faults nothing.
  init(_ error: any Error) {
    switch error {
    case let refusal as Refusal: self = refusal
    case let error as TaskQueueError: self = Self(error)
    case is CancellationError: self = .busy
    default: self = .internalError
    }
  }

  private init(_ error: TaskQueueError) {
    switch error.code {
    case .unknownTask: self = .unknownTask
    case .unknownSchedule, .unknownLimit: self = Refusal(.notFound, "Not found", error.message)
    case .invalidName, .invalidOption, .payloadTooLarge, .encodingFailed: self = .invalid(error.message)
    case .refused: self = Refusal(.conflict, "Refused", error.message)
    case .invalidConfiguration: self = Refusal(.notImplemented, "Not there", error.message)
    case .outcomeUnknown:
      self = Refusal(
        .serviceUnavailable,
        "Nobody knows",
        "The database went away while it was done. Look at the journal before you repeat it."
      )
    default:
      self = Refusal(
        .serviceUnavailable,
        "The database does not answer",
        "It could not be read or written. Try again in some seconds.",
        retryAfterSeconds: 5
      )
    }
  }
}
