/// Who asks: what it may do, and which payments are its own.
package struct Caller: Equatable, Sendable {
  /// Who asks without a key while there are none: that reaches the loopback interface only, so it is the machine's operator.
  static let local = Caller(name: "", scopes: Set(CallerScope.allCases))

  /// Empty: ``local``.
  package var name: String
  package var scopes: Set<CallerScope>

  package init(name: String, scopes: Set<CallerScope>) {
    self.name = name
    self.scopes = scopes
  }

  /// Its name in a payment's history.
  var actor: String { name.isEmpty ? PaymentActor.operator : name }
  /// Whose payments it sees; nil: everybody's.
  var owner: String? { scopes.contains(.operate) ? nil : name }

  /// Lower case, so that no two names look alike but for that. Has no word of ``PaymentActor``.
  package static func isName(_ text: String) -> Bool {
    text.wholeMatch(of: /[a-z0-9][a-z0-9._\-]{0,62}/) != nil && !PaymentActor.all.contains(text)
  }
}

/// Who does what a payment's history tells, beside the callers.
package enum PaymentActor {
  /// The provider said so.
  static let provider = "provider"
  static let worker = "worker"
  /// An event of the inventory service.
  static let inventory = "inventory"
  /// Somebody on the machine itself, without a key.
  static let `operator` = "operator"

  static let all: Set<String> = [provider, worker, inventory, `operator`]
}

extension PaymentInput {
  /// Who is behind it, if nobody else is named.
  var actor: String {
    switch self {
    case .executionDue, .rejected, .stopped: PaymentActor.worker
    case .cancellationWanted, .resumed: PaymentActor.operator
    case .registered, .refused, .reported, .declined, .cancellationRefused: PaymentActor.provider
    }
  }
}
