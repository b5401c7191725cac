import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

extension PaymentAPI {
  var resumeOperation: APIOperation {
    APIOperation(
      method: .post,
      path: "/payments/{id}/resume",
      id: "resumePayment",
      summary: "Have a stopped payment go on",
      description: """
        For a person who has looked at its stopReason, and at the provider. Everything is compared anew before anything is sent: \
        what still differs stops it again. Resumes its stopped refunds too. A payment that is not to go on is cancelled instead. \
        One that has ended, and for which money moved later, stays as it is: its order may then be paid by another.
        """,
      parameters: [Self.paymentId],
      access: .key(.operate),
      answers: [.json(.accepted, "Payment", "It will be looked at.")],
      problems: [.notFound, .wrongStatus],
      handle: { try await resumePayment($0) }
    )
  }

  private func resumePayment(_ request: APIRequest) async throws -> Response {
    let id = try request.paymentId()
    let actor = request.caller.actor
    let refunds = try await RefundStore.list(id, in: client.pool).filter { $0.stopReason != nil }
    let payment = try await client.pool.withTransaction { transaction in
      // Tasks before payments, as everywhere. A registered payment is handed on to its check by this one.
      let begin = InitPayment(paymentId: id)
      try await client.enqueue(begin, options: begin.options, in: transaction)
      for refund in refunds {
        let task = RefundPayment(refundId: refund.id)
        try await client.enqueue(task, options: task.options, in: transaction)
      }
      guard let transition = try await PaymentStore.apply(.resumed, to: id, by: actor, in: transaction) else {
        throw Self.unknownPayment
      }
      var isResumed = transition.event != nil
      if try await PaymentStore.clearContradiction(id, by: actor, in: transaction) { isResumed = true }
      for refund in refunds where try await RefundStore.setStopReason(nil, of: refund.id, in: transaction) {
        try await PaymentEventStore.add(.resumed, refund.reference, to: id, by: actor, in: transaction)
        isResumed = true
      }
      guard isResumed else { throw ProblemError(.wrongStatus, "Neither the payment nor a refund of it is stopped.") }
      return try await PaymentStore.find(id, in: transaction)
    }
    return try JSONResponse.make(.accepted, payment)
  }
}
