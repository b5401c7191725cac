import Libpq
import Outbox
import TaskQueueTestKit
import Testing

@Suite("Roles", .database)
struct RoleTests {
  /// What docs/outbox.md says that an app's and a publisher's role need.
  private static func grants(app: String, publisher: String) -> String {
    """
    CREATE ROLE \(app) LOGIN;
    CREATE ROLE \(publisher) LOGIN;
    SELECT taskqueue.grant_enqueuer('\(app)'), taskqueue.grant_worker('\(publisher)');
    GRANT USAGE ON SCHEMA shop TO \(app), \(publisher);
    GRANT SELECT ON shop.outbox_setting TO \(app);
    GRANT SELECT, INSERT, UPDATE ON shop.outbox_aggregate TO \(app);
    GRANT SELECT, INSERT ON shop.outbox TO \(app);
    GRANT SELECT, UPDATE, DELETE ON shop.outbox TO \(publisher);
    """
  }

  @Test("An app's role appends and does nothing else; a publisher's role recovers, skips and purges")
  func leastPrivilege() async throws {
    let database = try #require(TestDatabase.current)
    let (app, publisher) = ("app_of_\(database.name)", "publisher_of_\(database.name)")
    func pool(_ role: String) -> LibpqPool {
      let string = database.connectionString
      let separator = !string.contains("://") ? " " : string.contains("?") ? "&" : "?"
      return LibpqPool(LibpqConfiguration("\(string)\(separator)user=\(role)"), maxConnections: 2)
    }
    try await Shop.with { shop in
      try await shop.pool.executeScript(Self.grants(app: app, publisher: publisher))
      let (appPool, publisherPool) = (pool(app), pool(publisher))
      let id = try await appPool.query("SELECT shop.outbox_append('order', '7', 't', '{}')::text")[0].text(0)
      for sql in ["UPDATE shop.outbox SET published_at = now()", "DELETE FROM shop.outbox"] {
        let error = await #expect(throws: LibpqError.self) { try await appPool.query(sql) }
        #expect(error?.sqlState == "42501")
      }
      try await shop.pool.query("DELETE FROM taskqueue.task")
      #expect(try await shop.outbox.recover(longerThan: .zero, in: publisherPool) == 1)
      #expect(try await shop.outbox.skip(id, reason: "a test", in: publisherPool))
      #expect(try await shop.outbox.purge(olderThan: .zero, in: publisherPool) == 1)
      await appPool.close()
      await publisherPool.close()
      try await shop.pool.executeScript("DROP OWNED BY \(app), \(publisher); DROP ROLE \(app), \(publisher)")
    }
  }
}
