import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import TaskQueueHTTP

/// What one client may take of the server.
package struct ConnectionLimits: Sendable {
  /// Connections at one time; more wait in the system's queue.
  var connections = 4096
  /// Longest silence, also in the middle of the request's header.
  var idle = Duration.seconds(15)
  /// From the header's end to the body's.
  var body = Duration.seconds(10)
  /// From the answer's first byte to its last.
  var answer = Duration.seconds(20)
  /// All header fields of a request together.
  var headerBytes = 16 * 1024
  var headers = 100
}

/// Ends connections whose client sends or reads too slowly, and answers what isn't HTTP with a problem.
///
/// The time for a body is counted as a whole, so that sending a byte now and then doesn't help. Slow headers are ended by
/// the server's own idle timeout. One per connection, on its event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: ConnectionLimits
  private var deadline: Scheduled<Void>?
  /// Requests whose answer isn't written.
  private var unanswered = 0
  private var hasAnswerBegun = false

  init(limits: ConnectionLimits) {
    self.limits = limits
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      unanswered += 1
      if let expectation = head.headerFields[.expect] { meet(expectation, of: head, context) }
      arm(context, limits.body, .requestTimeout)
    case .body: break
    case .end:
      if !hasAnswerBegun { disarm() }
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head:
      hasAnswerBegun = true
      arm(context, limits.answer, nil)
      context.write(data, promise: promise)
    case .body:
      context.write(data, promise: promise)
    case .end:
      unanswered -= 1
      let written = promise ?? context.eventLoop.makePromise()
      // Written means: taken by the system.
      let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
      written.futureResult.whenComplete { _ in
        bound.value.hasAnswerBegun = false
        bound.value.disarm()
      }
      context.write(data, promise: written)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // In the middle of a request somebody is working on an answer; the server ends that.
    let isFault = error is ChannelError || error is IOError
    guard unanswered == 0, !isFault else { return context.fireErrorCaught(error) }
    answer(context, ProblemError(.malformedRequest, "It isn't HTTP, or its header is too large."))
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    disarm()
  }

  /// Has a client send the body that it holds back. One that is too large stays where it is: the answer comes at once.
  private func meet(_ expectation: String, of head: HTTPRequest, _ context: ChannelHandlerContext) {
    let length = head.headerFields[.contentLength].flatMap(Int.init) ?? 0
    let limit = APIRequest.maxBodyBytes(head.path)
    guard expectation.lowercased() == "100-continue", unanswered == 1, length <= limit else { return }
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  private func arm(_ context: ChannelHandlerContext, _ time: Duration, _ kind: ProblemKind?) {
    disarm()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: TimeAmount(time)) {
      let (guardian, context) = bound.value
      guardian.deadline = nil
      if let kind, !guardian.hasAnswerBegun {
        guardian.answer(context, ProblemError(kind))
      } else {
        context.close(promise: nil)
      }
    }
  }

  private func disarm() {
    deadline?.cancel()
    deadline = nil
  }

  /// Writes past whoever works on the request, and closes.
  private func answer(_ context: ChannelHandlerContext, _ error: ProblemError) {
    disarm()
    var (head, body) = error.response(base: ProblemKind.typeBase)
    head.headerFields[.contentLength] = String(body.count)
    head.headerFields[.connection] = "close"
    SafeHeaders.add(to: &head.headerFields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
  }
}
