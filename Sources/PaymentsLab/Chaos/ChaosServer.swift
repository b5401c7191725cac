import Foundation

/// A `payments serve` process that dies and comes back on the same port.
actor ChaosServer {
  /// Starts until it is given up.
  static let maxStarts = 40

  let name: String
  let settings: ChaosSettings
  let database: String
  private(set) var port = 0
  private var urls: [String] = []
  private var primary = ChaosSettings.providers[0]
  private var process: WorkerProcess?
  private(set) var kills = 0

  init(name: String, settings: ChaosSettings, database: String) {
    self.name = name
    self.settings = settings
    self.database = database
  }

  /// Takes a free port, which it keeps from now on.
  func reservePort() async throws {
    // Nobody is there.
    try await start(urls: ChaosSettings.providers.indices.map { "http://127.0.0.1:\($0 + 1)" })
    await kill()
    kills = 0
  }

  func start(urls: [String]) async throws {
    self.urls = urls
    try await start()
  }

  /// Has new payments go there, from the next start on.
  func use(primary: String) { self.primary = primary }

  /// SIGKILL, and waits until it is gone.
  func kill() async {
    guard let process = self.process else { return }
    self.process = nil
    _ = await process.killAndWait()
    kills += 1
  }

  /// Starts it unless it runs; again and again while the database is away.
  func start() async throws {
    if let process = self.process, process.isRunning { return }
    for attempt in 1...Self.maxStarts {
      let process = try WorkerProcess(
        name: name,
        program: settings.program,
        arguments: settings.serveArguments(database: database, urls: urls, primary: primary, port: port),
        environment: settings.serveEnvironment
      )
      do {
        port = try await process.port()
        self.process = process
        return
      } catch {
        await process.stop()
        if attempt == Self.maxStarts || error is CancellationError { throw error }
        try await Task.sleep(for: .milliseconds(250))
      }
    }
  }

  func stop() async {
    await process?.stop()
    process = nil
  }
}
