"""What a token looks like: curtain_ID_SECRET, which scanners for secrets can tell from all else.

The secret ends with a checksum, so that whoever finds something like it, a scanner or we, knows
without asking anybody whether it can be one.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from typing import Final, NamedTuple

ALPHABET: Final = string.digits + string.ascii_letters
ID_LENGTH: Final = 12
RANDOM_LENGTH: Final = 36  # 214 bits: nobody guesses that, however often he may try
CHECKSUM_LENGTH: Final = 6  # CRC-32 in digits of ALPHABET
FORM: Final = re.compile(
    rf"(curtain_([0-9a-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{RANDOM_LENGTH}}})"
    rf"([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


class Token(NamedTuple):
    """One token, taken apart."""

    id: str
    #: All of it. Shown once, and kept by nobody but its owner.
    text: str

    def digest(self, key: bytes) -> bytes:
        """What is kept of it."""
        return hmac.digest(key, self.text.encode(), hashlib.sha256)


def make() -> Token:
    """Make a new one."""
    token_id = "".join(secrets.choice(ALPHABET[:36]) for _ in range(ID_LENGTH))
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    body = f"curtain_{token_id}_{random}"
    return Token(token_id, body + checksum(body))


def read(text: str) -> Token | None:
    """Take *text* apart; None when it cannot be a token of ours."""
    found = FORM.fullmatch(text)
    if found is None or checksum(found[1]) != found[3]:
        return None
    return Token(found[2], text)


def is_one(given: bytes) -> bool:
    """Whether it can be a token of ours: who sends anything else guesses."""
    return read(given.decode("ascii", "replace")) is not None


def checksum(body: str) -> str:
    """Write the checksum of all that stands before it."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
