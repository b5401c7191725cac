import Foundation
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process that was just started, and our ends of its channels.
struct SpawnedChild {
  let id: pid_t
  let input: ChildInput
  /// nil: not ours to read.
  let output: ChildOutput?
  let errors: ChildOutput?

  /// Both ends of a pipe for what a child writes. The child's end is closed here once the child has its own.
  private final class Pipe {
    let reader: ChildOutput
    let theirs: Descriptor

    init() throws(ChildProcessError) {
      let ends = try Descriptor.pipe()
      reader = ChildOutput(ends.ours)
      theirs = ends.theirs
    }
  }

  /// Held from the first pipe to the start, so that no child gets the ends of another one's pipes and keeps them open.
  private static let turn = Mutex(())

  /// Starts it with the signals' defaults, in a session of its own, with the three standard streams and nothing else open.
  static func start(_ command: ChildCommand) throws(ChildProcessError) -> SpawnedChild {
    try turn.withLock { (_) throws(ChildProcessError) in try startAlone(command) }
  }

  private static func startAlone(_ command: ChildCommand) throws(ChildProcessError) -> SpawnedChild {
    let input = try Descriptor.socketPair()
    let output = command.output == .pipe ? try Pipe() : nil
    let errors = command.errors == .pipe ? try Pipe() : nil

    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
      let flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
      // POSIX_SPAWN_SETSID of glibc and musl, which the module map does not show.
      let newSession: Int32 = 0x80
      let flags = newSession | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { _ = posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input.theirs.number, STDIN_FILENO)
    switch command.output {
    case .pipe: if let output { posix_spawn_file_actions_adddup2(&actions, output.theirs.number, STDOUT_FILENO) }
    case .shared: posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDOUT_FILENO)
    case .discarded: posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    }
    switch command.errors {
    case .pipe: if let errors { posix_spawn_file_actions_adddup2(&actions, errors.theirs.number, STDERR_FILENO) }
    case .shared: posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDERR_FILENO)
    case .output: posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    case .discarded: posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    }
    for descriptor in otherDescriptors() { posix_spawn_file_actions_addclose(&actions, descriptor) }

    posix_spawnattr_init(&attributes)
    defer { _ = posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let words = [command.program] + command.arguments
    let variables = command.environment.map { "\($0.key)=\($0.value)" }
    var argumentPointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var environmentPointers: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
    var id: pid_t = 0
    let status = posix_spawn(&id, command.program, &actions, &attributes, &argumentPointers, &environmentPointers)
    guard status == 0 else { throw ChildProcessError("cannot run \(command.program)", status) }
    return SpawnedChild(id: id, input: ChildInput(input.ours), output: output?.reader, errors: errors?.reader)
  }

  /// Descriptors of ours that were opened without `O_CLOEXEC`, by whatever library.
  private static func otherDescriptors() -> [Int32] {
    #if canImport(Darwin)
      return []  // POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      return names.compactMap { Int32($0) }.filter { $0 > STDERR_FILENO }
    #endif
  }
}
