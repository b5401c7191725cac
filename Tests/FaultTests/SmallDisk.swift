import ChildProcesses
import Foundation

/// A file system of 32 MB in memory, which root on Linux can mount.
struct SmallDisk: Sendable {
  let directory: String

  /// - Parameter path: its owner is the disk's, too.
  /// - Throws: ``NotRun`` where that cannot be done.
  init(ownedLike path: String) async throws {
    #if os(Linux)
      guard getuid() == 0 else { throw NotRun(reason: "needs root, to mount a small file system") }
      let owner = try FileManager.default.attributesOfItem(atPath: path)
      let directory = "/tmp/tq-disk.\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
      let id = { (key: FileAttributeKey) in owner[key] as? NSNumber ?? 0 }
      let options = "size=32m,mode=0700,uid=\(id(.ownerAccountID)),gid=\(id(.groupOwnerAccountID))"
      var command = ChildCommand("/bin/mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory])
      command.errors = .discarded
      guard try await ChildProcess.run(command).exit.status == 0 else {
        try FileManager.default.removeItem(atPath: directory)
        throw NotRun(reason: "no file system may be mounted here")
      }
      self.directory = directory
    #else
      throw NotRun(reason: "needs Linux, to mount a small file system")
    #endif
  }

  func remove() async throws {
    _ = try await ChildProcess.run(ChildCommand("/bin/umount", [directory]))
    try FileManager.default.removeItem(atPath: directory)
  }

  /// Writes a file until there is no place left.
  static func fill(_ file: String) throws {
    struct CannotFill: Error {}
    let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
    guard descriptor >= 0 else { throw CannotFill() }
    defer { close(descriptor) }
    let zeros = [UInt8](repeating: 0, count: 4_096)
    while write(descriptor, zeros, zeros.count) > 0 {}
  }
}
