import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

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
    switch self.unwrapInboundIn(data) {
    case .head:
      self.unanswered += 1
      self.arm(context, self.limits.body, .requestTimeout)
    case .body: break
    case .end:
      if !self.hasAnswerBegun { self.disarm() }
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch self.unwrapOutboundIn(data) {
    case .head:
      self.hasAnswerBegun = true
      self.arm(context, self.limits.answer, nil)
      context.write(data, promise: promise)
    case .body:
      context.write(data, promise: promise)
    case .end:
      self.unanswered -= 1
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
    guard error is HTTPParserError, self.unanswered == 0 else { return context.fireErrorCaught(error) }
    self.answer(context, ProblemError(.malformedRequest, "It isn't HTTP, or its header is too large."))
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.disarm()
  }

  private func arm(_ context: ChannelHandlerContext, _ time: Duration, _ kind: ProblemKind?) {
    self.disarm()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    self.deadline = context.eventLoop.scheduleTask(in: TimeAmount(time)) {
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
    self.deadline?.cancel()
    self.deadline = nil
  }

  /// Writes past whoever works on the request, and closes.
  private func answer(_ context: ChannelHandlerContext, _ error: ProblemError) {
    self.disarm()
    guard let body = try? JSONFormat.encoder().encode(error.problem) else { return context.close(promise: nil) }
    let head = HTTPResponse(
      status: error.kind.status,
      headerFields: [
        .contentType: Problem.mediaType, .contentLength: String(body.count), .connection: "close",
      ]
    )
    context.write(self.wrapOutboundOut(.head(head)), promise: nil)
    context.write(self.wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
  }
}
