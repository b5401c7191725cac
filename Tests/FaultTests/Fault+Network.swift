extension Fault {
  /// Of what is between app and server.
  static let ofNetwork = [halfOpen, cutOff, deafHost]

  private static let halfOpen = Fault(
    name: "half-open sockets",
    shortLength: .seconds(8),
    route: .proxy,
    meaning: "nothing passes any more on the connections of this moment, for ever, and none is closed; new ones work",
    work: .goesOn(within: FaultApp.callLimit + .seconds(2))
  ) { app, _ in
    app.site.proxy.forgetConnections()
    return {}
  }

  private static let cutOff = Fault(
    name: "cut off",
    route: .proxy,
    meaning: "nothing passes, new connections get no answer; at the end what was sent meanwhile arrives"
  ) { app, _ in
    app.site.proxy.silence()
    return { app.site.proxy.resume() }
  }

  private static let deafHost = Fault(
    name: "deaf host among several",
    length: .seconds(15),
    route: .proxyThenServer,
    meaning: "of two hosts in the connection string the first one, in use, accepts connections and never answers",
    // The hosts share the deadline of a connect.
    work: .goesOn(within: FaultApp.callLimit * 2 + .seconds(2))
  ) { app, _ in
    app.site.proxy.silence()
    return { app.site.proxy.resume() }
  }
}
