#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread outside of those that run Swift's tasks, which nobody waits for.
package enum DetachedThread {
  /// Runs `body` on a new detached thread with all signals blocked. False if the system refuses.
  package static func spawn(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Body: Sendable {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    // A thread inherits the mask of the one that makes it.
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = Unmanaged.passRetained(Body(body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(
        &thread,
        &attributes,
        { raw in
          Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
          return nil
        },
        context.toOpaque()
      )
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread,
        &attributes,
        { raw in
          guard let raw else { return nil }
          Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
          return nil
        },
        context.toOpaque()
      )
    #endif
    if status != 0 { context.release() }
    return status == 0
  }
}
