public import ArgumentParser

#if !Commands
  #error("TaskQueueCommands needs the package's trait Commands: .package(url: …, from: …, traits: [\"Commands\"])")
#endif

/// `taskqueue`: see and steer tasks. A program of its own, or a sub-command of an app's (``CommandHost``).
public struct TaskQueueCommand: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "taskqueue",
      abstract: "See and steer the tasks of a TaskQueue database.",
      discussion: """
        export DATABASE_URL=postgresql://user@host/database
        taskqueue status       all queues at a glance
        taskqueue why 4711     why does this task not run?
        taskqueue doctor       what is wrong with this database, and the cure

        In pipes --json is for programs, --ids for commands that take - :
        taskqueue dead list --error refused --ids | taskqueue retry - --yes

        Exit status: 0 done; 1 nothing found, or refused; 2 doctor found something; 64 wrong use; 69 the database cannot be reached or failed; 74 the output \
        cannot be written; 75 it may or \
        may not have been done; 77 the role may not; 78 the schema is missing, too old or too new.

        Whatever changes something is written into a journal with who and why (--actor, --reason): taskqueue journal.
        Completions: taskqueue --generate-completion-script bash|zsh|fish
        """,
      subcommands: [UnknownVerb<TaskQueueCommand>.self],
      groupedSubcommands: [
        CommandGroup(
          name: "Look",
          subcommands: [
            StatusCommand.self, ListCommand.self, ShowCommand.self, WhyCommand.self, WorkersCommand.self,
            FlowCommand.self, JournalCommand.self,
            TopCommand.self, DoctorCommand.self,
          ]
        ),
        CommandGroup(
          name: "Tasks",
          subcommands: [
            EnqueueCommand.self, RetryCommand.self, RunNowCommand.self, CancelCommand.self, DeadCommand.self,
            EmitCommand.self, EffectCommand.self,
          ]
        ),
        CommandGroup(
          name: "Queues",
          subcommands: [PauseCommand.self, ResumeCommand.self, ScheduleCommand.self, LimitCommand.self]
        ),
        CommandGroup(
          name: "Set up",
          subcommands: [MigrateCommand.self, DevCommand.self, DashboardCommand.self, BenchCommand.self]
        ),
      ],
      defaultSubcommand: UnknownVerb<TaskQueueCommand>.self
    )
  }

  /// All verbs, for an app that wants them without `taskqueue` before them.
  public static var all: [any ParsableCommand.Type] {
    configuration.subcommands.filter { $0.configuration.shouldDisplay }
  }

  public init() {}
}
