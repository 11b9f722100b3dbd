"""Hide secrets in a stream of bytes, also when one is cut in two by a chunk's border."""

import json
from collections.abc import Iterator
from typing import Any

SHORTEST = 4  # characters; masking shorter ones would shred the output and hide nothing
STARS = b"********"
HEAD = 8  # bytes by which the beginning of a secret is looked for at the end of a chunk
PATIENCE = 1 << 18  # bytes kept back at most: a flood of one secret after another has no gap


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
        for part in (text, *text.splitlines()):
            yield part
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]


def to_hide(secrets: dict[str, Any]) -> set[str]:
    """Every text that must not be shown."""
    return {text for text in spellings(secrets) if len(text.strip()) >= SHORTEST}


class Mask:
    """Replaces secrets by stars. One for each stream: it keeps the last bytes back.

    By `find` of whole bytes and not by one regular expression, which took 0.4 s for a chunk of
    64 KB and 1,000 secrets, and showed what is left of two that overlap.
    """

    def __init__(self, secrets: dict[str, Any]) -> None:
        """Hide every spelling of the values of *secrets*."""
        self._secrets = [text.encode("utf-8", "surrogatepass") for text in to_hide(secrets)]
        self._kept = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give what can be shown by now."""
        if not self._secrets:
            return chunk
        chunk = self._kept + chunk
        spans = self._spans(chunk)
        cut = min((self._unsure(chunk, secret) for secret in self._secrets), default=len(chunk))
        # A secret that lies across the cut is not shown in part, nor hidden in two parts.
        for begin, end in spans:
            if begin < cut < end and len(chunk) - begin < PATIENCE:
                cut = begin
        self._kept = chunk[cut:]
        return _hide(chunk[:cut], spans)

    def flush(self) -> bytes:
        """Give what was kept back; the stream has ended."""
        kept, self._kept = self._kept, b""
        return _hide(kept, self._spans(kept))

    def text(self, text: str) -> str:
        """Hide secrets in a whole text."""
        whole = text.encode("utf-8", "surrogatepass")
        return _hide(whole, self._spans(whole)).decode("utf-8", "replace")

    def beginning(self, text: str, limit: int) -> str:
        """Hide secrets in a text that was cut at *limit* characters, if it is as long as that.

        What may be the beginning of one at its end is left out.
        """
        if not self._secrets:
            return text
        if len(text) < limit:
            return self.text(text)
        whole = text.encode("utf-8", "surrogatepass")
        spans = self._spans(whole)
        cut = min(self._unsure(whole, secret) for secret in self._secrets)
        for begin, end in spans:
            if begin < cut < end:
                cut = begin
        return _hide(whole[:cut], spans).decode("utf-8", "replace")

    def _spans(self, chunk: bytes) -> list[tuple[int, int]]:
        """Where secrets are: from, to; those that touch or overlap as one."""
        found = sorted(span for secret in self._secrets for span in _occurrences(chunk, secret))
        spans: list[tuple[int, int]] = []
        for begin, end in found:
            if spans and begin < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((begin, end))
        return spans

    @staticmethod
    def _unsure(chunk: bytes, secret: bytes) -> int:
        """Where the end of *chunk* may be the beginning of *secret*; its length if it is not."""
        window = max(0, len(chunk) - len(secret) + 1)
        at = chunk.find(secret[:HEAD], window)
        while at >= 0:
            if secret.startswith(chunk[at:]):
                return at
            at = chunk.find(secret[:HEAD], at + 1)
        for begin in range(max(window, len(chunk) - HEAD + 1), len(chunk)):
            if secret.startswith(chunk[begin:]):
                return begin
        return len(chunk)


def _occurrences(chunk: bytes, secret: bytes) -> Iterator[tuple[int, int]]:
    at = chunk.find(secret)
    while at >= 0:
        yield at, at + len(secret)
        at = chunk.find(secret, at + 1)


def _hide(chunk: bytes, spans: list[tuple[int, int]]) -> bytes:
    shown, at = [], 0
    for begin, end in spans:
        if begin >= len(chunk):
            break
        shown += [chunk[at:begin], STARS]
        at = end
    shown.append(chunk[at:])
    return b"".join(shown)
