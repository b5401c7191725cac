import ChildProcesses
import EmbeddedPostgres
import Foundation
import Libpq
import PaymentsExample
import TaskQueuePostgres

/// The bare limit: what PostgreSQL takes of the inserts behind `POST /payments`, by pgbench.
struct PgbenchRun: Sendable {
  /// The rows of one accepted payment in one transaction: key with its answer, payment, history, task.
  static let script = """
    BEGIN;
    INSERT INTO payments.idempotency_key (caller, operation, key, fingerprint, status, fields, body, expires_at)
    VALUES ('', 'payment', gen_random_uuid()::text, sha256('x'), 202,
      ('[{"name": "content-type", "value": "application/json"}, {"name": "location", "value": "/payments/' || gen_random_uuid() || '"}]')::jsonb, convert_to(repeat('x', 200), 'UTF8'), now() + interval '1 day');
    WITH created AS (
      INSERT INTO payments.payment (user_id, amount, currency, description)
      VALUES ('user-1', 1000, 'EUR', 'Throughput') RETURNING id
    ), event AS (
      INSERT INTO payments.payment_event (payment_id, kind, status) SELECT id, 'created', 'CREATED' FROM created
    )
    INSERT INTO taskqueue.task (type, payload, unique_key)
    SELECT 'payment.init', json_build_object('paymentId', id), 'payment.init:' || id FROM created;
    COMMIT;

    """

  let connectionString: String
  let clients: Int

  /// - Throws: `CommandError` if pgbench is missing or fails.
  func transactionsPerSecond(count: Int) async throws -> Double {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("payments-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appendingPathComponent("accept.sql")
    try Data(Self.script.utf8).write(to: file)
    let arguments = [
      "--no-vacuum", "--protocol=prepared", "--client=\(clients)", "--jobs=\(min(2, clients))",
      "--transactions=\(max(1, count / clients))", "--file=\(file.path)", connectionString,
    ]
    let result = try await ChildProcess.run(ChildCommand(try Self.program(), arguments))
    guard result.exit == .exited(0), let rate = Self.rate(result.output) else {
      throw CommandError("pgbench failed; its messages are above.")
    }
    return rate
  }

  /// The number after `tps = `, without the time to connect.
  static func rate(_ output: String) -> Double? {
    let lines = output.split(separator: "\n").filter { $0.hasPrefix("tps = ") }
    let line = lines.first { !$0.contains("including") } ?? lines.first
    return line.flatMap { Double($0.dropFirst("tps = ".count).prefix { $0 != " " }) }
  }

  private static func program() throws -> String {
    let directories = [try EmbeddedPostgres.binaryDirectory(), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    let paths = directories.map { "\($0)/pgbench" }
    guard let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
      throw CommandError("pgbench wasn't found. It comes with PostgreSQL (Debian: postgresql-contrib or postgresql).")
    }
    return path
  }
}
