"""Hide secrets in a stream of bytes, also when one is cut in two by a chunk's border."""

import json
import re
from collections.abc import Iterator
from typing import Any

SHORTEST = 4  # characters; masking shorter ones would shred the output and hide nothing
STARS = b"********"


def spellings(value: Any) -> Iterator[str]:
    """The ways in which ansible may print a secret value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from spellings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from spellings(inner)
    elif isinstance(value, bool) or value is None:
        return
    else:
        text = str(value)
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield from text.splitlines()


class Mask:
    """Replaces secrets by stars. One for each stream: it keeps the last bytes back."""

    def __init__(self, secrets: dict[str, Any]) -> None:
        """Hide every spelling of the values of *secrets*."""
        texts = {text for text in spellings(secrets) if len(text.strip()) >= SHORTEST}
        self._secrets = sorted((text.encode() for text in texts), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets)))
        self._kept = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give what can be shown by now."""
        if not self._secrets:
            return chunk
        chunk = self._kept + chunk
        cut = len(chunk) - self._unsure(chunk)
        self._kept = chunk[cut:]
        return self._pattern.sub(STARS, chunk[:cut])

    def flush(self) -> bytes:
        """Give what was kept back; the stream has ended."""
        kept, self._kept = self._kept, b""
        return self._pattern.sub(STARS, kept) if kept else b""

    def text(self, text: str) -> str:
        """Hide secrets in a whole text."""
        if not self._secrets:
            return text
        return self._pattern.sub(STARS, text.encode()).decode()

    def _unsure(self, chunk: bytes) -> int:
        """How many of the last bytes may be the beginning of a secret, or lie across one."""
        longest = len(self._secrets[0])
        begin = max(0, len(chunk) - longest + 1)
        for start in range(begin, len(chunk)):
            tail = chunk[start:]
            if any(len(tail) < len(secret) and secret.startswith(tail) for secret in self._secrets):
                return len(chunk) - self._not_inside(chunk, start)
        return 0

    def _not_inside(self, chunk: bytes, start: int) -> int:
        """*start*, or the beginning of a whole secret that lies across it."""
        for match in self._pattern.finditer(chunk):
            if match.start() < start < match.end():
                return match.start()
        return start
