import TaskQueue

extension DashboardPages {
  func effects(_ visit: Visit) async throws -> Page {
    let effects = try await reads.unsettledEffects(olderThan: .zero, limit: Self.lines)
    return Page(
      "effects",
      "Effects without an outcome",
      in: .effects,
      [
        "effects": effects.map { line($0, visit) }, "hasEffects": !effects.isEmpty,
        "isCut": effects.count == Self.lines, "lines": "\(Self.lines)",
      ]
    )
  }

  /// Nobody knows whether it happened, or what is known of it cannot all be true.
  static func isUnsettled(_ effect: EffectRecord) -> Bool {
    effect.isContradicted || [.intended, .unknown, .parked].contains(effect.state)
  }

  func line(_ effect: EffectRecord, _ visit: Visit) -> Fields {
    var fields: Fields = [
      "name": effect.name.rawValue, "taskId": "\(effect.task)", "taskHref": visit.link(task: effect.task),
      "taskType": effect.taskType.rawValue, "key": effect.key.rawValue, "effectState": effect.state.rawValue,
      "isContradicted": effect.isContradicted, "isUnsettled": Self.isUnsettled(effect),
      "look": Self.isUnsettled(effect) ? "money" : effect.state == .succeeded ? "done" : "waiting",
      "calls": Wording.count(effect.calls), "begun": visit.time(effect.intendedAt), "age": Wording.span(effect.age),
    ]
    fields.set("code", effect.code)
    fields.set("because", effect.reason.map { Wording.line($0) })
    fields.set("value", effect.value.map { Wording.json($0, atMost: 4_096) })
    if Self.isUnsettled(effect) { fields.set("settle", [resolution(effect)].fields(visit)) }
    return fields
  }

  private func resolution(_ effect: EffectRecord) -> ActionForm {
    ActionForm(
      verb: .resolveEffect,
      label: "Say what happened",
      hint:
        "Look it up in the other side's books by the key \(effect.key). What you say here is believed. Retry the task afterwards.",
      hidden: ["task": "\(effect.task)", "effect": effect.name.rawValue],
      inputs: [
        .init(
          label: "Its answer, as JSON",
          name: "value",
          type: "text",
          hint: "if it happened: what the handler would have got; null if that is nothing",
          isRequired: false
        ),
        .init(label: "The failure", name: "because", type: "text", hint: "if it failed for good", isRequired: false),
      ],
      choices: (
        "What happened", "resolution",
        [
          "did_not_happen": "It did not happen: call again", "succeeded": "It happened",
          "failed": "It failed for good",
        ]
      ),
      isFirst: true
    )
  }
}
