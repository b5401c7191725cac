import EmbeddedPostgres
import Foundation
import Libpq
import Synchronization

extension Fault {
  /// Of the server and its processes.
  static let ofServer = [frozenServer, frozenBackend, frozenListener, refused, readOnly, diskFull, outOfConnections]

  private static let frozenServer = Fault(
    name: "frozen server",
    shortLength: .seconds(4),
    meaning: "SIGSTOP of all its processes"
  ) { app, _ in
    app.site.server.pause()
    return { app.site.server.resume() }
  }

  private static let frozenBackend = Fault(
    name: "frozen backend",
    meaning: "SIGSTOP of one session of each worker's engine and one of the app's pool",
    work: .goesOn(within: FaultApp.callLimit + .seconds(2))
  ) { app, _ in
    var frozen: [Int32] = []
    for (name, pattern) in [("app", #"_claim\("#), ("leaving", #"_claim\("#), ("app", #"_enqueue_many\("#)] {
      frozen.append(try await app.site.freeze(name, pattern))
    }
    return { [frozen] in for process in frozen { kill(process, SIGCONT) } }
  }

  private static let frozenListener = Fault(
    name: "frozen listener",
    meaning: "SIGSTOP of the sessions that LISTEN",
    work: .goesOn(within: .seconds(2))
  ) { app, _ in
    var frozen: [Int32] = []
    // Now and then it sends an empty statement.
    for name in ["app", "idle", "leaving"] { frozen.append(try await app.site.freeze(name, "^LISTEN|^$")) }
    return { [frozen] in for process in frozen { kill(process, SIGCONT) } }
  }

  private static let refused = Fault(
    name: "refused",
    shortLength: .seconds(4),
    meaning: "`kill -9` of the server: its port refuses, until it is started again"
  ) { app, _ in
    app.site.server.kill()
    return { try await app.site.server.restart(immediate: true) }
  }

  private static let readOnly = Fault(
    name: "read-only",
    shortLength: .seconds(4),
    meaning: "`default_transaction_read_only` is switched on for all sessions, which are kept"
  ) { app, _ in
    try await app.site.server.configure(["default_transaction_read_only": "on"])
    return { try await app.site.server.configure(["default_transaction_read_only": "off"]) }
  }

  private static let diskFull = Fault(
    name: "disk full",
    meaning: "the file system of the tables has no byte left",
    work: .returns(within: .seconds(4)),
    setUp: { site in
      let disk = try await SmallDisk(ownedLike: site.server.dataDirectory)
      try await site.execute("CREATE TABLESPACE small LOCATION '\(disk.directory)'")
      try await site.execute("ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE small")
      try await site.execute("ALTER INDEX ALL IN TABLESPACE pg_default SET TABLESPACE small")
      return { try await disk.remove() }
    },
    begin: { app, _ in
      let rows = try await app.site.query(
        "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'small'"
      )
      let file = try rows[0].text(0) + "/filler"
      try SmallDisk.fill(file)
      return { try FileManager.default.removeItem(atPath: file) }
    }
  )

  private static let outOfConnections = Fault(
    name: "out of connections",
    settings: ["max_connections": "60"],
    meaning: "the app's sessions end, and others take all of `max_connections`"
  ) { app, _ in
    var others: [LibpqConnection] = []
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND application_name <> 'others'"
    let end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND application_name <> 'others'"
    // The app's workers connect again at once. One that was on its way is seen later.
    var quietLooks = 0
    while quietLooks < 5 {
      try await app.site.query(end)
      while let other = try? await LibpqConnection.connect(app.site.connection("others")) { others.append(other) }
      try await Task.sleep(for: .milliseconds(50))
      quietLooks = try await app.site.number(sessions) == 0 ? quietLooks + 1 : 0
    }
    return { [others] in for other in others { await other.close() } }
  }
}
