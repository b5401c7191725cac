import TaskQueue

/// The SQL of the raw loops: what the store sends, or the plainest statement of the same shape.
///
/// The one place to change when a function of the migration gets other parameters.
struct RawStatements: Sendable {
  let schema: String

  /// The columns that a raw claim asks for.
  enum ClaimColumns: Sendable {
    /// What is needed to settle, and to claim from there on.
    case necessary
    /// All that the store reads.
    case all

    var sql: String {
      switch self {
      case .necessary: "id, token, due_at"
      case .all: "*"
      }
    }
  }

  /// - Parameter isBehindPlace: claims behind a due time and an id, as a worker does: parameters 6 and 7.
  func claim(_ columns: ClaimColumns, isBehindPlace: Bool = false) -> String {
    """
    SELECT \(columns.sql)
    FROM \(schema)._claim(queues => $1, types => $2, max_count => $3, max_bytes => $4, lease => $5\(
      isBehindPlace
        ? """
        , first_ranges => '{1}', last_ranges => '{2}', range_priorities => '{-32769,100}',
          range_due_ats => ARRAY['-infinity', $6::timestamptz], range_ids => ARRAY[0, $7::bigint],
          range_ends => '{100,32768}'
        """ : ""
    ))
    """
  }

  func claimParameters(type: String, batch: Int, isBehindPlace: Bool = false) -> RawParameters {
    let parameters = RawParameters(count: isBehindPlace ? 7 : 5)
    parameters.set(0, binary: RawArray.encode([Array("default".utf8)], type: RawArray.text))
    parameters.set(1, binary: RawArray.encode([Array(type.utf8)], type: RawArray.text))
    parameters.set(2, text: String(batch))
    parameters.set(3, text: String(Limits.claimBytes))
    parameters.set(4, text: "60 seconds")
    return parameters
  }

  /// Waits for a row that another claim has looked at and holds until it commits. Parameters: ids, tokens.
  var complete: String { "SELECT settled_token FROM \(schema)._settle_complete($1, $2, waits => true)" }

  /// Records a step behind the fence of its claim. Parameters: ids and tokens of one claim, name, value.
  var step: String {
    """
    INSERT INTO \(schema).step (task_id, name, kind, value, place)
    SELECT h.id, $3, 'step', $4, 1 FROM (SELECT t.id FROM \(schema).task t
      WHERE t.id = ($1::bigint[])[1] AND t.lease_token = ($2::bigint[])[1] AND t.lease_until > clock_timestamp()
      FOR NO KEY UPDATE) AS h
    """
  }

  /// Parameters: type, payload.
  var insert: String { "INSERT INTO \(schema).task (type, payload) VALUES ($1, $2) RETURNING id" }

  /// Parameters: key, payload.
  var emit: String { "SELECT \(schema).emit($1, $2)" }

  /// Parameters: types, payloads.
  var insertMany: String {
    """
    INSERT INTO \(schema).task (type, payload)
    SELECT u.type, u.payload FROM unnest($1::text[], $2::json[]) AS u(type, payload) RETURNING id
    """
  }

  /// Binary rows of type and payload.
  var copy: String { "COPY \(schema).task (type, payload) FROM STDIN (FORMAT binary)" }

  /// Wakes the workers of a queue at commit.
  var wake: String { "SELECT \(schema)._wake(ARRAY['default'])" }

  /// Hears of ``wake``.
  var listen: String { "LISTEN \"\(schema):tasks\"" }

  /// The business row of the transactional scenario. Parameter: a number.
  static let business = "INSERT INTO public.taskqueue_bench_effect (number) VALUES ($1)"
  /// Those of many. Parameter: the numbers.
  static let businessBatch = "INSERT INTO public.taskqueue_bench_effect (number) SELECT unnest($1)"
}
