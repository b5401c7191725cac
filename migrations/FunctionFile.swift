/// One file of the folder `functions`: one function, which can be applied again at any time.
public struct FunctionFile: Sendable {
  /// Of the whole set. Raised with every change of a function, also in `install.sql`, so that an older program which starts
  /// later leaves the newer functions alone.
  public static let revision = 1

  /// The function's name, and the file's without `.sql`.
  public let name: String
  /// UTF-8 SQL.
  public let bytes: [UInt8]

  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// All of them, in the order in which they are applied: internal ones first, which SQL functions call.
  public static var all: [FunctionFile] {
    [
      FunctionFile(name: "_admit", bytes: PackageResources._admit_sql),
      FunctionFile(name: "_as_operator", bytes: PackageResources._as_operator_sql),
      FunctionFile(name: "_await_event", bytes: PackageResources._await_event_sql),
      FunctionFile(name: "_begin_effect", bytes: PackageResources._begin_effect_sql),
      FunctionFile(name: "_bury", bytes: PackageResources._bury_sql),
      FunctionFile(name: "_channel", bytes: PackageResources._channel_sql),
      FunctionFile(name: "_claim", bytes: PackageResources._claim_sql),
      FunctionFile(name: "_claim_bytes", bytes: PackageResources._claim_bytes_sql),
      FunctionFile(name: "_claim_events", bytes: PackageResources._claim_events_sql),
      FunctionFile(name: "_closed_line", bytes: PackageResources._closed_line_sql),
      FunctionFile(name: "_conclude", bytes: PackageResources._conclude_sql),
      FunctionFile(name: "_count_ends", bytes: PackageResources._count_ends_sql),
      FunctionFile(name: "_due_schedules", bytes: PackageResources._due_schedules_sql),
      FunctionFile(name: "_effect_key", bytes: PackageResources._effect_key_sql),
      FunctionFile(name: "_end_effect", bytes: PackageResources._end_effect_sql),
      FunctionFile(name: "_enqueue_as_owner", bytes: PackageResources._enqueue_as_owner_sql),
      FunctionFile(name: "_enqueue_many", bytes: PackageResources._enqueue_many_sql),
      FunctionFile(name: "_error_history", bytes: PackageResources._error_history_sql),
      FunctionFile(name: "_fill", bytes: PackageResources._fill_sql),
      FunctionFile(name: "_fill_at_rate", bytes: PackageResources._fill_at_rate_sql),
      FunctionFile(name: "_fire_schedules", bytes: PackageResources._fire_schedules_sql),
      FunctionFile(name: "_give_back", bytes: PackageResources._give_back_sql),
      FunctionFile(name: "_grant", bytes: PackageResources._grant_sql),
      FunctionFile(name: "_keep_history", bytes: PackageResources._keep_history_sql),
      FunctionFile(name: "_limit_changed", bytes: PackageResources._limit_changed_sql),
      FunctionFile(name: "_limit_problem", bytes: PackageResources._limit_problem_sql),
      FunctionFile(name: "_lock_inbox_subject", bytes: PackageResources._lock_inbox_subject_sql),
      FunctionFile(name: "_look", bytes: PackageResources._look_sql),
      FunctionFile(name: "_look_at_events", bytes: PackageResources._look_at_events_sql),
      FunctionFile(name: "_make_group", bytes: PackageResources._make_group_sql),
      FunctionFile(name: "_next_in_line", bytes: PackageResources._next_in_line_sql),
      FunctionFile(name: "_next_look", bytes: PackageResources._next_look_sql),
      FunctionFile(name: "_note_throughput", bytes: PackageResources._note_throughput_sql),
      FunctionFile(name: "_note_worker", bytes: PackageResources._note_worker_sql),
      FunctionFile(name: "_operate", bytes: PackageResources._operate_sql),
      FunctionFile(name: "_promote", bytes: PackageResources._promote_sql),
      FunctionFile(name: "_purge_effects", bytes: PackageResources._purge_effects_sql),
      FunctionFile(name: "_purge_events", bytes: PackageResources._purge_events_sql),
      FunctionFile(name: "_purge_flows", bytes: PackageResources._purge_flows_sql),
      FunctionFile(name: "_purge_groups", bytes: PackageResources._purge_groups_sql),
      FunctionFile(name: "_put_schedules", bytes: PackageResources._put_schedules_sql),
      FunctionFile(name: "_rate_problem", bytes: PackageResources._rate_problem_sql),
      FunctionFile(name: "_receive_event", bytes: PackageResources._receive_event_sql),
      FunctionFile(name: "_record_steps", bytes: PackageResources._record_steps_sql),
      FunctionFile(name: "_redrive", bytes: PackageResources._redrive_sql),
      FunctionFile(name: "_remember_event", bytes: PackageResources._remember_event_sql),
      FunctionFile(name: "_renew", bytes: PackageResources._renew_sql),
      FunctionFile(name: "_same_schedule_plan", bytes: PackageResources._same_schedule_plan_sql),
      FunctionFile(name: "_schedule_tasks", bytes: PackageResources._schedule_tasks_sql),
      FunctionFile(name: "_settle", bytes: PackageResources._settle_sql),
      FunctionFile(name: "_settle_complete", bytes: PackageResources._settle_complete_sql),
      FunctionFile(name: "_settle_followed_effect", bytes: PackageResources._settle_followed_effect_sql),
      FunctionFile(name: "_settle_rerun", bytes: PackageResources._settle_rerun_sql),
      FunctionFile(name: "_suspend", bytes: PackageResources._suspend_sql),
      FunctionFile(name: "_unwind", bytes: PackageResources._unwind_sql),
      FunctionFile(name: "_wake", bytes: PackageResources._wake_sql),
      FunctionFile(name: "_wake_schedules", bytes: PackageResources._wake_schedules_sql),
      FunctionFile(name: "_was_enqueued", bytes: PackageResources._was_enqueued_sql),
      FunctionFile(name: "cancel", bytes: PackageResources.cancel_sql),
      FunctionFile(name: "complete", bytes: PackageResources.complete_sql),
      FunctionFile(name: "declare_limit", bytes: PackageResources.declare_limit_sql),
      FunctionFile(name: "delete_duplicates", bytes: PackageResources.delete_duplicates_sql),
      FunctionFile(name: "emit", bytes: PackageResources.emit_sql),
      FunctionFile(name: "enqueue", bytes: PackageResources.enqueue_sql),
      FunctionFile(name: "explain", bytes: PackageResources.explain_sql),
      FunctionFile(name: "grant_enqueuer", bytes: PackageResources.grant_enqueuer_sql),
      FunctionFile(name: "grant_operator", bytes: PackageResources.grant_operator_sql),
      FunctionFile(name: "grant_worker", bytes: PackageResources.grant_worker_sql),
      FunctionFile(name: "pause_limit", bytes: PackageResources.pause_limit_sql),
      FunctionFile(name: "pause_limit_for", bytes: PackageResources.pause_limit_for_sql),
      FunctionFile(name: "pause_queue", bytes: PackageResources.pause_queue_sql),
      FunctionFile(name: "purge", bytes: PackageResources.purge_sql),
      FunctionFile(name: "redrive", bytes: PackageResources.redrive_sql),
      FunctionFile(name: "reset_limit", bytes: PackageResources.reset_limit_sql),
      FunctionFile(name: "resolve_effect", bytes: PackageResources.resolve_effect_sql),
      FunctionFile(name: "resume_limit", bytes: PackageResources.resume_limit_sql),
      FunctionFile(name: "resume_queue", bytes: PackageResources.resume_queue_sql),
      FunctionFile(name: "retry", bytes: PackageResources.retry_sql),
      FunctionFile(name: "run_now", bytes: PackageResources.run_now_sql),
      FunctionFile(name: "schedule_pause", bytes: PackageResources.schedule_pause_sql),
      FunctionFile(name: "schedule_put", bytes: PackageResources.schedule_put_sql),
      FunctionFile(name: "schedule_remove", bytes: PackageResources.schedule_remove_sql),
      FunctionFile(name: "schedule_reset", bytes: PackageResources.schedule_reset_sql),
      FunctionFile(name: "schedule_resume", bytes: PackageResources.schedule_resume_sql),
      FunctionFile(name: "schedule_run", bytes: PackageResources.schedule_run_sql),
      FunctionFile(name: "set_limit", bytes: PackageResources.set_limit_sql),
      FunctionFile(name: "take_limit", bytes: PackageResources.take_limit_sql),
    ]
  }
}
