import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The system's time zones, read when first asked for. Foundation's `TimeZone` knows names only together with ICU, which weighs 40 MB.
enum ZoneDatabase {
  private static let tables = Mutex<[String: ZoneTable]>([:])
  /// A zone has some kilobytes; there are 600 names.
  private static let maxTables = 1_000

  /// nil: the system does not know it.
  static func table(_ name: String) -> ZoneTable? {
    if ["UTC", "GMT", "Etc/UTC"].contains(name) { return .utc }
    if let table = tables.withLock({ $0[name] }) { return table }
    guard isName(name), let table = read(name) else { return nil }
    tables.withLock { tables in
      if tables.count >= maxTables { tables = [:] }
      tables[name] = table
    }
    return table
  }

  /// Whether there is any zone besides UTC; without `tzdata` a slim container has none.
  static var isInstalled: Bool { table("Europe/London") != nil }

  private static func isName(_ name: String) -> Bool {
    guard 1...64 ~= name.utf8.count, !name.hasPrefix("/"), !name.contains("..") else { return false }
    return name.utf8.allSatisfy { byte in
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        || "/_+-".utf8.contains(byte)
    }
  }

  private static func read(_ name: String) -> ZoneTable? {
    let folders = [ProcessInfo.processInfo.environment["TZDIR"], "/usr/share/zoneinfo", "/var/db/timezone/zoneinfo"]
    for folder in folders.compactMap(\.self) {
      if let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
        let table = ZoneTable(tzif: [UInt8](data))
      {
        return table
      }
    }
    return nil
  }
}
