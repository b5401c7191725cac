import Hummingbird
import NIOCore

/// What a request's connection is known by.
struct APIRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Of the client, or of what stands in between.
  let address: SocketAddress?

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    address = source.channel.remoteAddress
  }
}
