"""What commands there are: where each is, and what it does in a line.

Imports nothing: the bootstrap reads it on bare Python, and `curtain --help` loads no command.
"""

#: The commands by what they are for: name, where its function is, its first line of help.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Runs": {
        "run": ("app.cli.commands.run:run", "run a template"),
        "ps": ("app.cli.commands.ps:ps", "list runs: those that are queued or running, or all"),
        "status": ("app.cli.commands.status:status", "show a run: state, who, why, commits"),
        "tail": ("app.cli.commands.tail:tail", "print a run's output, or follow it"),
        "hosts": ("app.cli.commands.hosts:hosts", "list what came of each host of a run"),
        "tasks": ("app.cli.commands.tasks:tasks", "list a run's tasks, the slowest first"),
        "events": ("app.cli.commands.events:events", "list what happened to a run"),
        "stop": ("app.cli.commands.stop:stop", "stop runs, so that nothing of them is alive"),
        "approve": ("app.cli.commands.approve:approve", "let a run start that wants approval"),
        "deny": ("app.cli.commands.approve:deny", "see that such a run never starts"),
        "rerun": ("app.cli.commands.rerun:rerun", "repeat a run, or see what would differ"),
        "open": ("app.cli.commands.open:open_page", "open a run's page in the browser"),
    },
    "What can be run": {
        "templates": ("app.cli.commands.templates:templates", "list templates, or show one"),
        "schedules": ("app.cli.commands.schedules:schedules", "list schedules, or show one"),
        "hooks": ("app.cli.commands.hooks:hooks", "list, show and try hooks, and their deliveries"),
        "apply": ("app.cli.commands.apply:apply", "make the server as YAML files declare it"),
        "export": ("app.cli.commands.export:export", "write the YAML that apply reads"),
    },
    "Access": {
        "login": ("app.cli.commands.login:login", "sign in to a server by a token"),
        "logout": ("app.cli.commands.login:logout", "forget a server and its token"),
        "contexts": ("app.cli.commands.login:contexts", "list the servers, or choose one"),
        "whoami": ("app.cli.commands.whoami:whoami", "show whose token it is, and its rights"),
        "tokens": ("app.cli.commands.tokens:tokens", "create, list and revoke tokens"),
        "audit": ("app.cli.commands.audit:audit", "list who did what, and from where"),
    },
    "Runners": {
        "runners": ("app.cli.commands.runners:runners", "list runners; have one take no more runs"),
        "pause": ("app.cli.commands.runners:pause", "have no run taken, by any runner"),
        "resume": ("app.cli.commands.runners:resume", "have runs taken again"),
    },
    "Help": {
        "doctor": ("app.cli.commands.doctor:doctor", "check every part and say what to do"),
        "completion": ("app.cli.commands.completion:completion", "print the shell's completion"),
    },
}

COMMANDS = {name: each for group in GROUPS.values() for name, each in group.items()}

#: What the command line needs beside Python: without one of these the bootstrap installs them.
NEEDS = ("click", "rich", "httpx", "yaml", "pydantic", "cronsim", "tzdata")
