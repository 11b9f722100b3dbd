"""A private key as people paste it, and as OpenSSH reads it without asking. Pure."""

import base64
import math
import re
import struct
from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    ssh_key_fingerprint,
)

from runner.acceptance import Refused

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

FRAME = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\n.+\n-----END \1PRIVATE KEY-----", re.S)
OPENSSH: Final = "OPENSSH "
PKCS8: Final = "ENCRYPTED "
MAGIC: Final = b"openssh-key-v1\0"
#: What cryptography 50 raised for 40,000 damaged keys.
UNREAD: Final = (ValueError, UnsupportedAlgorithm, NotImplementedError, InternalError)
MOST_ROUNDS: Final = 256  # of bcrypt, 12 ms each; ssh-keygen takes 16 (24 since OpenSSH 9.4)
#: Of PBKDF2, 0.25 µs each, and web stands still meanwhile; OpenSSL takes 2,048, others 600,000.
MOST_ITERATIONS: Final = 2_000_000
SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")  # its OID; N, r and p follow


def unlock(text: str, passphrase: str | None) -> PrivateKey:
    """Read a key. Raise Refused naming `private_key` or `passphrase`."""
    text = with_plain_lines(text)
    frame = FRAME.search(text)
    if frame is None:
        raise Refused([("private_key", _no_key(text))])
    is_openssh = frame[1] == OPENSSH
    if is_openssh and _rounds(frame[0]) > MOST_ROUNDS:
        raise Refused([("private_key", f"is encrypted with more than {MOST_ROUNDS} rounds")])
    if frame[1] == PKCS8 and _iterations(frame[0]) > MOST_ITERATIONS:
        raise Refused([("private_key", f"is encrypted with more than {MOST_ITERATIONS} rounds")])
    load = load_ssh_private_key if is_openssh else load_pem_private_key
    try:
        key = load(frame[0].encode(), passphrase.encode() if passphrase else None)
    except TypeError:
        raise Refused([("passphrase", _wanting(passphrase))]) from None
    except UNREAD:
        raise Refused([_unread(passphrase)]) from None
    if not isinstance(key, PrivateKey):
        raise Refused([("private_key", "must be an ed25519, ecdsa or rsa key")])
    return key


def with_plain_lines(text: str) -> str:
    """Take line ends of any system, and no blanks around: of CRLF ssh says "error in libcrypto"."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def write(key: PrivateKey) -> str:
    """Write a key as ssh reads it, with neither passphrase nor comment."""
    try:
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except ValueError:  # a curve that ssh does not have
        raise Refused([("private_key", "is of a curve that ssh does not have")]) from None


def public_key(text: str) -> str:
    """The public half of what `write` gave, as authorized_keys has it."""
    key = load_ssh_private_key(text.encode(), None).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(text: str) -> str:
    """The fingerprint of what `write` gave, as `ssh-keygen -l` shows it."""
    key = load_ssh_private_key(text.encode(), None).public_key()
    digest = base64.b64encode(ssh_key_fingerprint(key, SHA256()))
    return f"SHA256:{digest.decode().rstrip('=')}"


def _no_key(text: str) -> str:
    if text.startswith("PuTTY-User-Key-File"):
        return "is in PuTTY's form: export it as an OpenSSH key"
    if re.match(r"(ssh|ecdsa|sk)-", text):
        return "is a public key: the private one is wanted"
    return "must begin with -----BEGIN … PRIVATE KEY----- and end with -----END …"


def _wanting(passphrase: str | None) -> str:
    return "is needed: the key is encrypted" if not passphrase else "is given to a key without one"


def _unread(passphrase: str | None) -> tuple[str, str]:
    if passphrase:
        return "passphrase", "does not open the key, or the key is damaged"
    return "private_key", "is damaged, or of a kind that is not known here"


def _rounds(frame: str) -> int:
    """How often bcrypt is to be applied: as often as the key says, by whoever reads it."""
    try:
        blob = base64.b64decode("".join(frame.splitlines()[1:-1]))
        _, rest = _string(blob.removeprefix(MAGIC))  # the cipher
        _, rest = _string(rest)  # the derivation
        options, _ = _string(rest)
        _, rounds = _string(options) if options else (b"", b"\0\0\0\0")
        return int(struct.unpack(">I", rounds)[0])
    except (ValueError, struct.error):
        raise Refused([_unread(None)]) from None


def _string(blob: bytes) -> tuple[bytes, bytes]:
    """Take one string of SSH's from the beginning of *blob*."""
    (length,) = struct.unpack(">I", blob[:4])
    return blob[4 : 4 + length], blob[4 + length :]


def _iterations(frame: str) -> int:
    """How much work the way of encryption of a PKCS #8 key asks for."""
    try:
        blob = base64.b64decode("".join(frame.splitlines()[1:-1]), validate=True)
        (_, key), *_ = _elements(blob)
        (_, way), *_ = _elements(key)
        numbers = list(_integers(way))
    except (ValueError, IndexError, RecursionError):
        raise Refused([_unread(None)]) from None
    return math.prod(max(1, each) for each in numbers) if SCRYPT in way else max(numbers, default=0)


def _integers(der: bytes) -> Iterator[int]:
    """Every number in *der*, at any depth."""
    for tag, content in _elements(der):
        if tag == 0x02:
            yield int.from_bytes(content)
        elif tag == 0x30:
            yield from _integers(content)


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element of DER."""
    while der:
        tag, length, start = der[0], der[1], 2
        if length > 0x7F:
            start += length & 0x7F
            length = int.from_bytes(der[2:start])
        yield tag, der[start : start + length]
        der = der[start + length :]
