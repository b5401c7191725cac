@_spi(Store) import TaskQueue
import TaskQueueInMemory

/// What goes wrong from outside.
extension SimulatedWorld {
  func beginFault(_ index: Int) {
    let fault = plan.faults[index]
    activeFaults += 1
    schedule(.faultEnds(index), after: fault.lasts)
    history.note(now, "fault begins: \(fault.kind), lasts \(fault.lasts)")
    switch fault.kind {
    case .storeFails(let failure): conditions.failures.append(failure)
    case .storeHangs: conditions.hangs += 1
    case .flaky(let probability): conditions.probabilities.append(probability)
    case .slowLooks(let duration): store.lookTakes += duration
    case .slowNetwork(let duration): conditions.network += duration
    case .refusesData(let task): withTask(task) { _ = store.refused.insert($0) }
    case .rowLocked(let task): withTask(task) { _ = store.state.locks.tasks.insert($0) }
    case .clockJumps(let duration):
      defer { store.clockOffset += duration }
      clockJumps += 1
      guard duration > .zero else { break }
      jumpedAheadAt = now
      for case let process? in processes { process.knewTimeBeforeJump = process.machine.leasesJudgedAt(now) != nil }
    case .workerCutOff(let worker): setCutOff(worker, true)
    case .workerPauses(let worker): pause(processes[worker])
    case .workerDies(let worker):
      if let process = processes[worker] { processEnded(process, startAgainAfter: fault.lasts) }
    case .workerShutsDown(let worker):
      startableAt[worker] = max(startableAt[worker], now.advanced(by: fault.lasts))
      if let process = processes[worker] { drain(process) }
    case .workerAborts(let worker): abort(processes[worker])
    case .taskCancelled(let task): withTask(task) { cancelTask($0) }
    case .queuePaused(let queue): store.state.paused.insert(queue)
    case .listenersDeaf: deafListeners += 1
    case .listenersBreak: breakListeners()
    }
  }

  func endFault(_ index: Int) {
    let fault = plan.faults[index]
    activeFaults -= 1
    history.note(now, "fault ends: \(fault.kind)")
    switch fault.kind {
    case .storeFails(let failure):
      if let index = conditions.failures.firstIndex(of: failure) { conditions.failures.remove(at: index) }
      noteAllUnwell()
    case .storeHangs:
      conditions.hangs -= 1
      noteAllUnwell()
    case .flaky(let probability):
      if let index = conditions.probabilities.firstIndex(of: probability) { conditions.probabilities.remove(at: index) }
    case .slowLooks(let duration): store.lookTakes -= duration
    case .slowNetwork(let duration): conditions.network -= duration
    case .refusesData(let task): withTask(task) { store.refused.remove($0) }
    case .rowLocked: unlockRows()
    case .workerCutOff(let worker): setCutOff(worker, false)
    case .workerPauses(let worker): resume(processes[worker])
    case .queuePaused(let queue):
      store.state.paused.remove(queue)
      store.state.hints.insert(.tasksAvailable(queue))
      postHints()
    case .listenersDeaf: deafListeners -= 1
    case .clockJumps, .workerDies, .workerShutsDown, .workerAborts, .taskCancelled, .listenersBreak: break
    }
  }

  private func noteAllUnwell() {
    for case let process? in processes { process.wellSince = max(process.wellSince, now) }
  }

  private func withTask(_ index: Int, _ body: (TaskID) -> Void) {
    if let id = books.ids[index] { body(id) }
  }

  private func cancelTask(_ id: TaskID) {
    books.noteCancelled(id)
    _ = try? store.state.cancel(id, now: store.time(at: now))
    flowBooks[id]?.isUnwinding = store.state.flows.isUnwinding(id)
    postHints()
  }

  private func unlockRows() {
    for id in store.state.locks.tasks { unlockedAt[id] = now }
    store.state.releaseLocks()
    noteAllUnwell()
    postHints()
  }

  private func setCutOff(_ worker: Int, _ isCutOff: Bool) {
    if isCutOff { cutOff.insert(worker) } else { cutOff.remove(worker) }
    processes[worker]?.isCutOff = isCutOff
    noteAllUnwell()
  }

  private func pause(_ process: SimulatedProcess?) {
    process?.pauses += 1
  }

  private func resume(_ process: SimulatedProcess?) {
    // The one that was paused may have died meanwhile, and its successor not be paused.
    guard let process, process.pauses > 0 else { return }
    process.pauses -= 1
    guard !process.isPaused else { return }
    (process.resumedAt, process.wellSince) = (now, max(process.wellSince, now))
    let deferred = process.deferred
    process.deferred = []
    for inner in deferred { agenda.add(.inside(process, inner), at: now) }
    requestTurn(of: process)
  }

  private func abort(_ process: SimulatedProcess?) {
    guard let process else { return }
    books.forgetOutcomes(of: process)
    process.drainedAt = process.drainedAt ?? now
    process.isAborted = true
    process.machine.abort(at: now)
    requestTurn(of: process)
  }

  private func breakListeners() {
    for case let process? in processes where process.isListening {
      schedule(.listenerEnds(TaskQueueError(.connection)), in: process, after: .milliseconds(1))
    }
  }
}
