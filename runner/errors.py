"""What can go wrong with a run before its playbook starts, in words a person can act on."""


class RunnerError(Exception):
    """The runner could not do what was asked."""

    #: Short, stable and for programs; the message is for people.
    code = "runner_error"

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message or self.__doc__)
        self.code = code or self.code


class CheckoutFailed(RunnerError):
    """The repository could not be checked out."""

    code = "git_failed"


class VariablesRefused(RunnerError):
    """A variable cannot be written as YAML."""

    code = "bad_vars"


class RequirementsFailed(RunnerError):
    """What the project requires could not be installed."""

    code = "requirements_failed"


class AnsibleMissing(RunnerError):
    """There is no ansible-playbook on this runner: install ansible-core or set ANSIBLE_PLAYBOOK."""

    code = "no_ansible"
