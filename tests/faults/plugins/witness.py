"""Tells, beside Curtain, what a playbook has done: that it was executed, and what it printed.

In each repository of a world. WITNESS is the directory of its reports.
"""

import os
import threading
from pathlib import Path

from ansible.plugins.callback import CallbackBase

PAUSE = 0.02  # seconds between two words


class CallbackModule(CallbackBase):
    """Notes the execution first of all; then talks as long as the play goes on."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "witness"

    def v2_playbook_on_start(self, playbook):
        folder = Path(os.environ["WITNESS"])
        # No other attempt has this directory: …/<run>-<random>/tree/…
        run = os.environ["CURTAIN_RUN"]
        attempt = next(part for part in Path.cwd().parts if part.startswith(f"{run}-"))
        self._ledger = _append(folder / "ledger")
        os.write(self._ledger, f"{run} {attempt}\n".encode())
        self._said = _append(folder / attempt)
        self._attempt = attempt
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def v2_playbook_on_stats(self, stats):
        self._is_over.set()
        self._thread.join()

    def _talk(self):
        number = 0
        while not self._is_over.wait(PAUSE):
            word = f"<{self._attempt} {number}>\n".encode()
            rest = word
            while rest:
                rest = rest[os.write(1, rest) :]
            os.write(self._said, word)
            number += 1


def _append(file):
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
