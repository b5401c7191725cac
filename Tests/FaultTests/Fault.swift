import Testing

/// One kind of trouble, and what the queue promises in it.
struct Fault: Sendable, CustomTestStringConvertible {
  typealias End = @Sendable () async throws -> Void

  /// What becomes of the worker's work.
  enum Work: Sendable {
    /// It goes on during the fault, and never stands still for longer.
    case goesOn(within: Duration)
    /// It goes on so long after the fault at the latest.
    case returns(within: Duration)
  }

  var name: String
  /// In the full run.
  var length: Duration = .seconds(10)
  /// In a plain run of the tests; nil: it is tried in the full run alone.
  var shortLength: Duration?
  var route = FaultSite.Route.direct
  /// Of the server.
  var settings: [String: String] = [:]
  /// What it does, for the table's reader.
  var meaning: String

  var work = Work.returns(within: .seconds(4))
  /// The longest call of the enqueuer: to connect, the statement's limit, and the answer to a cancel request.
  var longestCall = FaultSite.connectTimeout + FaultSite.statementTimeout + FaultSite.cancelTimeout + .seconds(1)
  /// From the fault's end until the enqueuer works, until the idle worker is woken again, and until each effect is done.
  var enqueuerReturns = Duration.seconds(5)
  var listenerReturns = FaultSite.listenProbeInterval + .seconds(5)
  var effectReturns = Duration.seconds(20)
  /// Grace times and one call, as the contract says (32).
  var longestShutdown = FaultApp.shutdownGrace + FaultApp.cancellationGrace + FaultApp.callLimit + .seconds(1)

  /// Before the app connects. What is returned is called after the server was stopped.
  var setUp: @Sendable (FaultSite) async throws -> End = { _ in {} }
  /// Begins it; what is returned ends it.
  var begin: @Sendable (FaultApp, _ length: Duration) async throws -> End

  var testDescription: String { name }
}

/// Why a fault was not tried here.
struct NotRun: Error {
  let reason: String
}
