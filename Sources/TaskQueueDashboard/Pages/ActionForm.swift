import TaskQueue

/// A button behind which a form asks for the reason, and for what else is needed. Opens without JavaScript.
struct ActionForm {
  struct Input {
    var label: String
    var name: String
    /// Of HTML: `number`, `text`, `datetime-local`.
    var type: String
    var value = ""
    var hint: String?
    var min: Int?
    var max: Int?
    var isRequired = true
  }

  var verb: OperatorAction.Verb
  var label: String
  var hint: String
  var hidden: KeyValuePairs<String, String>
  var inputs: [Input] = []
  var choices: (label: String, name: String, values: KeyValuePairs<String, String>)?
  var isDanger = false
  /// The one that is most likely wanted.
  var isFirst = false
  /// Another page than the one with the form.
  var back: String?

  func fields(_ visit: Visit) -> Fields {
    var fields: Fields = [
      "verb": verb.rawValue, "label": label, "hint": hint, "isDanger": isDanger, "isFirst": isFirst,
      "hidden": hidden.map { ["name": $0, "value": $1] as Fields },
      "inputs": inputs.map { input -> Fields in
        var field: Fields = [
          "label": input.label, "name": input.name, "type": input.type, "value": input.value,
          "isRequired": input.isRequired,
        ]
        field.set("inputHint", input.hint)
        field.set("min", input.min.map(String.init))
        field.set("max", input.max.map(String.init))
        return field
      },
      "returnTo": back ?? visit.address,
    ]
    if let choices {
      fields["choice"] =
        [
          "label": choices.label, "name": choices.name,
          "options": choices.values.map { ["value": $0, "text": $1] as Fields },
        ] as Fields
    }
    return fields
  }
}

extension [ActionForm] {
  /// For the template `actions`; nil: nobody is to act here.
  func fields(_ visit: Visit) -> Fields? {
    guard visit.mayAct, !isEmpty else { return nil }
    return ["list": map { $0.fields(visit) }]
  }
}
