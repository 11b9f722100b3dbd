"""Private keys for the tests, made anew each time."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

MAKE = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


def private_key(
    kind: str = "ed25519",
    form: PrivateFormat = PrivateFormat.OpenSSH,
    passphrase: str | None = None,
) -> str:
    """A new private key."""
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return MAKE[kind]().private_bytes(Encoding.PEM, form, encryption).decode()


def public_key() -> str:
    """A new public key, as a host of a known_hosts file has it."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
