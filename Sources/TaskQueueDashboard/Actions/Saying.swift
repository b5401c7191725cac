/// What a page says of the action that led to it. An address carries a code only, so that nobody can put words into the page.
enum Saying {
  private static let sentences: [String: String] = [
    "cancel.cancelled": "Cancelled: it is a dead letter now.",
    "cancel.requested": "Its worker was told to stop.",
    "cancel.already_finished": "It had ended already; nothing was changed.",
    "retry.due": "It is due now.",
    "retry.redriven": "It lives again under its id, and is due now.",
    "retry.running": "A worker holds it; nothing was changed.",
    "retry.key_taken": "A live task has its unique key; it stays a dead letter.",
    "retry.finished": "It has ended; nothing was changed.",
    "run_now.done": "It is due now.",
    "run_now.left": "It could not be made due: it runs, has ended, or was attempted meanwhile.",
    "resolve_effect.resolved": "Written down. Retry the task so that it goes on.",
    "resolve_effect.settled": "Its outcome was known already; nothing was changed.",
    "resolve_effect.running":
      "A worker holds the task, or the call may still arrive; nothing was changed. Try again in a while.",
    "resolve_effect.unknown": "The task has no such effect.",
    "redrive.done": "Live again: {n}.",
    "redrive.more": "Live again: {n}. More are left: repeat it for these.",
    "purge.done": "Deleted for good: {n}.",
    "purge.more": "Deleted for good: {n}. More are left: repeat it for these.",
    "pause_queue.done": "The queue is paused. What runs goes on.",
    "resume_queue.done": "The queue goes on.",
    "set_limit.done": "The limit is changed, for all workers at once.",
    "pause_limit.done": "The limit is paused. What runs goes on.",
    "pause_limit_for.done": "The key is paused for a time.",
    "resume_limit.done": "The limit goes on.",
    "reset_limit.done": "What programs declare holds again.",
    "schedule_pause.done": "The schedule is paused.",
    "schedule_resume.done": "The schedule goes on with its next slot.",
    "schedule_reset.done": "What programs declare holds again.",
    "schedule_remove.done": "The schedule is deleted.",
    "schedule_remove.left": "There was no such schedule.",
    "schedule_run.done": "A task was made.",
    "schedule_run.lives": "No task was made: the one from before still lives.",
    "schedule_backfill.done": "Tasks made: {n}.",
  ]

  /// nil: nothing was done, or the code is none.
  static func sentence(_ query: FormFields) -> String? {
    guard let code = query["said"], let sentence = sentences[code] else { return nil }
    let count = query["n"].flatMap { Int($0) } ?? 0
    return sentence.replacing("{n}", with: Wording.count(count))
  }
}
