"""What keeps the service from starting, in words a person can act on."""


class BootstrapError(Exception):
    """It cannot start: the message says what is wrong and what to do."""


class Stopped(BaseException):
    """A signal asked the command to end. Its argument is the signal's number."""
