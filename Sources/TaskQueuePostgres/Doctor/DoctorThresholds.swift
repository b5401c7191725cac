/// From when on ``Doctor`` tells of something.
public struct DoctorThresholds: Hashable, Sendable {
  /// Bytes that a table or an index has above what its rows need, and it is at least twice as big as that; 100 MiB.
  public var bloatBytes = 100 << 20
  /// Dead rows of a table, and they are more than the live ones; 100,000.
  public var deadRows = 100_000
  /// How long a transaction, or a prepared one, has been open that keeps vacuum from removing dead rows; 5 minutes.
  public var transactionAge: Duration = .seconds(300)
  /// How many transactions back a replication slot or a standby holds vacuum; 1,000,000.
  public var heldTransactions = 1_000_000
  /// Between this machine's clock and the database's, beyond what the round trip leaves unknown; 2 s.
  public var clockSkew: Duration = .seconds(2)
  /// How long a task has been due that no worker takes; a minute.
  public var unservedAfter: Duration = .seconds(60)
  /// How long workers of one queue have run that know different types or are of different versions, until that is more than a deploy under way; 10
  /// minutes.
  public var deployTime: Duration = .seconds(600)
  /// How far back attempts are looked at, in whole minutes; 15 minutes.
  public var failingTime: Duration = .seconds(900)
  /// Attempts of a type in that time, if all of them failed; 10.
  public var failingAttempts = 10
  /// The part of the lock table that is in use, 0 to 1; 0.7.
  public var lockTableUse = 0.7
  /// How long a session has waited for a lock that another one holds; 10 s.
  public var lockWait: Duration = .seconds(10)
  /// How long ago an effect was intended whose outcome is not known; an hour. Parked and contradicted ones are told at once.
  public var effectAge: Duration = .seconds(3600)
  /// How late a schedule is; a minute.
  public var scheduleLateness: Duration = .seconds(60)
  /// The part of the connections that is in use, 0 to 1; 0.8.
  public var connectionUse = 0.8

  public init() {}
}
