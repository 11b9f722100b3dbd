"""Secret variables at rest: encrypted with the first key, readable with the older ones too."""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runner.errors import RunnerError


class SecretsUnreadable(RunnerError):
    """None of the keys in CURTAIN_SECRET_KEY reads these secrets."""


def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"curtain secrets").derive(
        key.strip().encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))


class Vault:
    """Seals and opens the secret variables of runs."""

    def __init__(self, secret_key: str) -> None:
        """Take the keys, the newest first, separated by commas."""
        self._fernets = MultiFernet([_fernet(key) for key in secret_key.split(",") if key.strip()])

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
            message = "was CURTAIN_SECRET_KEY changed? give the old one too"
            raise SecretsUnreadable(message) from None
