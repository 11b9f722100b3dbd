"""What must never happen in a page: a canary that is read as HTML, an error, a breach of policy."""

from playwright.sync_api import ConsoleMessage, Page

#: What a playbook or a payload may hold. Whatever runs it sets `window.harmed`.
CANARY = (
    "\"'><img src=x onerror=window.harmed=1><script>window.harmed=1</script></script>"
    "<svg onload=window.harmed=1>{{7*7}}${7*7}"
)


class Seen:
    """What pages of one test have complained of."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        #: Parts of messages that a test provokes.
        self.expected: list[str] = []

    def watch(self, page: Page) -> None:
        """Note all that goes wrong in *page*."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _console(self, message: ConsoleMessage) -> None:
        said = f"{message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not any(e in said for e in self.expected):
            self.faults.append(f"{message.type}: {said}")


def is_unharmed(page: Page) -> bool:
    """Whether no canary was run, and none has become an element."""
    return bool(
        page.evaluate(
            "() => window.harmed === undefined && !document.querySelector('img, main script')"
        )
    )
