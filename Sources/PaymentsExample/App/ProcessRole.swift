/// What one `serve` process does. They share the work through the database, so that each kind can be given its own number,
/// machine and database role.
package enum ProcessRole: Sendable {
  case all
  /// Takes requests in; moves no money.
  case api
  /// Works on payments, publishes events, keeps house; listens for nothing but who collects numbers.
  case worker

  var serves: Bool { self != .worker }
  var works: Bool { self != .api }
}
