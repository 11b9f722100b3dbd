"""Secrets at rest: encrypted with the first key, readable with the older ones too."""

import base64
import contextlib
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runner.errors import RunnerError

ADVICE = "was CURTAIN_SECRET_KEY changed? give the old one too (`up` keeps it in .data/secret-key)"


class SecretsUnreadable(RunnerError):
    """None of the keys in CURTAIN_SECRET_KEY reads these secrets."""

    code = "secrets_unreadable"


def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"curtain secrets").derive(
        key.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))


class Vault:
    """Seals and opens credentials and the secret variables of runs."""

    def __init__(self, secret_key: str) -> None:
        """Take the keys, the newest first, separated by commas."""
        self._keys = [key.strip() for key in secret_key.split(",") if key.strip()]
        self._first, *older = [_fernet(key) for key in self._keys]
        self._fernets = MultiFernet([self._first, *older])

    def seal(self, values: dict[str, Any]) -> bytes | None:
        """Encrypt *values*; None when there are none."""
        return self._fernets.encrypt(json.dumps(values).encode()) if values else None

    def open(self, sealed: bytes | None) -> dict[str, Any]:
        """Decrypt what seal gave. Raise SecretsUnreadable when the key is not ours."""
        if sealed is None:
            return {}
        try:
            return dict(json.loads(self._fernets.decrypt(sealed)))
        except InvalidToken:
            raise SecretsUnreadable(ADVICE) from None

    def renew(self, sealed: bytes) -> bytes | None:
        """Seal with the first key what an older one has sealed; None when the first one has.

        Raise SecretsUnreadable when no key has.
        """
        with contextlib.suppress(InvalidToken):
            self._first.decrypt(sealed)
            return None
        try:
            return self._fernets.rotate(sealed)
        except InvalidToken:
            raise SecretsUnreadable(ADVICE) from None

    def digests(self, text: str) -> list[bytes]:
        """What tells *text* from others and does not tell it: by the first key, then by the older.

        Keyed, because a short secret could be guessed from a plain hash.
        """
        return [hmac.digest(key.encode(), text.encode(), hashlib.sha256) for key in self._keys]
