"""What a credential may be, what of it is kept, and what is shown."""

import base64
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from runner.acceptance import Refused
from runner.credential import (
    Credential,
    CredentialUnreadable,
    SshKey,
    restored,
    secrets,
    shown,
    unlocked,
)
from runner.masks import Mask
from tests.keys import private_key, public_key

HTTPS = {"kind": "git_https", "username": "token", "password": "s3cret"}
VAULT = {"kind": "vault_password", "password": "s3cret"}
LOGIN = {"kind": "login_password", "password": "s3cret"}
KEY = {"kind": "ssh_key", "private_key": private_key()}
BLOB = public_key()

OPENSSH = PrivateFormat.OpenSSH
PKCS1 = PrivateFormat.TraditionalOpenSSL
PKCS8 = PrivateFormat.PKCS8


def credential(given: dict) -> Credential:
    return TypeAdapter(Credential).validate_python(given)


def key(text: str, passphrase: str | None = None, **more: str) -> Credential:
    return unlocked(SshKey(kind="ssh_key", private_key=text, passphrase=passphrase, **more))


def refused(text: str, passphrase: str | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        key(text, passphrase)
    [fault] = caught.value.faults
    return fault


def opened_by_ssh(tmp_path: Path, text: str) -> str:
    """The public key that ssh-keygen reads of *text* without asking for anything."""
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_bytes(text.encode())
    command = ["ssh-keygen", "-y", "-P", "", "-f", str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "password",
    [
        "a/b@c:d%e#f?g",
        "with spaces",
        "p\u00e4ssw\u00f6rd\u2014\U0001f511",
        "quo'te\"s\\",
        "$(id) `id` {{ x }}",
        "-x",
    ],
)
def test_a_password_may_have_any_character_of_one_line(password):
    for body in (HTTPS, VAULT, LOGIN, {"kind": "become_password"}):
        assert credential({**body, "password": password}).password == password


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({**HTTPS, "password": "a\nb"}, "password"),  # git asks for one line
        ({**HTTPS, "password": "a\x00b"}, "password"),  # no environment or argument has a NUL
        ({**HTTPS, "password": ""}, "password"),
        ({**HTTPS, "username": "a:b"}, "username"),  # a server takes what follows for the password
        ({**HTTPS, "username": ""}, "username"),
        ({**HTTPS, "host": "https://git.example"}, "host"),  # a host, no URL
        ({**HTTPS, "host": "git.example/ops"}, "host"),
        ({**HTTPS, "host": "git.example:0"}, "host"),
        ({**HTTPS, "host": "git.example:65536"}, "host"),
        ({**HTTPS, "host": "-oProxyCommand=id"}, "host"),  # an option
        ({**HTTPS, "token": "x"}, "token"),  # not known
        ({**VAULT, "vault_id": "a@b"}, "vault_id"),  # ansible takes b for the file
        ({**VAULT, "vault_id": "a;b"}, "vault_id"),  # a file's first line is cut there
        ({**VAULT, "vault_id": "a,b"}, "vault_id"),  # a list of ids is cut there
        ({**VAULT, "vault_id": "a b"}, "vault_id"),
        ({**VAULT, "vault_id": "-a"}, "vault_id"),
        ({**VAULT, "vault_id": ""}, "vault_id"),
        ({**VAULT, "password": "  "}, "password"),  # ansible strips it to nothing
        ({**LOGIN, "password": "s3cret "}, "password"),  # ansible strips it to another
        ({"kind": "become_password", "password": " s3cret"}, "password"),
        ({**LOGIN, "username": "-oProxyCommand=id"}, "username"),  # an option of ssh
        ({**LOGIN, "username": "a\nb"}, "username"),
        ({**KEY, "host_keys": "off"}, "host_keys"),  # never off
        ({**KEY, "private_key": 5}, "private_key"),
    ],
)
def test_what_is_no_credential_is_refused_by_its_field(given, place):
    with pytest.raises(ValidationError) as caught:
        credential(given)

    assert [fault["loc"][1:] for fault in caught.value.errors()] == [(place,)]


@pytest.mark.parametrize("given", [{}, {"kind": "password"}, {"kind": 5}, {"kind": None}])
def test_a_credential_is_of_a_kind_that_there_is(given):
    with pytest.raises(ValidationError, match="must be git_https, ssh_key, become_password"):
        credential(given)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Git.Example", "git.example"),  # names are the same in any letters
        ("git.example:443", "git.example:443"),  # as a URL has to say it too
        ("git.example:8443", "git.example:8443"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("[2001:DB8::443]", "[2001:db8::443]"),
    ],
)
def test_a_host_is_kept_as_urls_are_compared(written, host):
    assert credential({**HTTPS, "host": written}).host == host


@pytest.mark.parametrize(
    ("kind", "form", "passphrase"),
    [
        ("ed25519", OPENSSH, None),  # what ssh-keygen makes today
        ("ed25519", OPENSSH, "with spaces & \u00fcml\u00e4uts"),
        ("ecdsa", OPENSSH, None),
        ("rsa", OPENSSH, None),
        ("rsa", PKCS1, None),  # what it made before 7.8
        ("rsa", PKCS1, "old"),
        ("ecdsa", PKCS1, None),
        ("ecdsa", PKCS8, "openssl"),  # what openssl makes
        ("ed25519", PKCS8, None),  # which ssh itself does not read everywhere
    ],
)
def test_a_key_is_kept_as_ssh_reads_it_without_asking(tmp_path, kind, form, passphrase):
    kept = key(private_key(kind, form, passphrase), passphrase)

    assert kept.passphrase is None
    assert opened_by_ssh(tmp_path, kept.private_key) == shown(kept)["public_key"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("\n", "\r\n"), "pasted on Windows: error in libcrypto"),
        (lambda text: text.replace("\n", "\r"), "of an old editor"),
        (lambda text: text.rstrip("\n"), "without its last line end"),
        (lambda text: f"\n\n  {text}\n\n", "with blanks around"),
        (lambda text: text.replace("\n", "  \n  "), "indented, of a YAML file"),
    ],
)
def test_a_key_survives_how_it_was_pasted(change, why):
    text = private_key()

    assert shown(key(change(text))) == shown(key(text)), why


def test_a_fingerprint_is_that_of_ssh_keygen(tmp_path):
    kept = key(private_key())
    (tmp_path / "key.pub").write_text(shown(kept)["public_key"])

    command = ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert told.split()[1] == shown(kept)["fingerprint"]


def with_rounds(rounds: int) -> str:
    """A key that says how often bcrypt is to be applied to its passphrase."""
    text = private_key(passphrase="s3cret")
    blob = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
    at = blob.index(b"bcrypt") + len("bcrypt") + 4 + 4 + 16  # behind the salt
    blob[at : at + 4] = struct.pack(">I", rounds)
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"


def with_iterations(count: int) -> str:
    """A key that says how often PBKDF2 is to be applied to its passphrase."""
    text = private_key("ed25519", PKCS8, "s3cret")
    blob = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
    assert blob[51:55] == b"\x02\x02\x08\x00"  # 2,048, behind the salt
    blob[51:55] = b"\x02\x04" + count.to_bytes(4)
    for length in (2, 4, 17, 19, 32):  # of the five sequences that it is in
        blob[length] += 2
    return encrypted(bytes(blob))


def encrypted(blob: bytes) -> str:
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n"


def nested(depth: int) -> bytes:
    """Sequences in sequences."""
    blob = b""
    for _ in range(depth):
        blob = b"0\x82" + len(blob).to_bytes(2) + blob
    return blob


def with_compressed_point() -> str:
    """A key whose public half is written as OpenSSH never does."""
    head, *body, end = private_key("ecdsa").splitlines()
    blob = base64.b64decode("".join(body)).replace(b"\0\0\0A\4", b"\0\0\0A\2")
    return f"{head}\n{base64.b64encode(blob).decode()}\n{end}\n"


OTHER = ed448.Ed448PrivateKey.generate()
PEM = private_key("ed25519", PKCS8)
DAMAGED = {kind: private_key(kind) for kind in ("rsa", "ecdsa")}
CURVE = ec.generate_private_key(ec.SECP256K1())


@pytest.mark.parametrize(
    ("text", "passphrase", "field", "message"),
    [
        (private_key(passphrase="right"), None, "passphrase", "is needed"),
        (private_key(passphrase="right"), "wrong", "passphrase", "does not open"),
        (private_key("rsa", PKCS1, "right"), None, "passphrase", "is needed"),
        (private_key("rsa", PKCS8, "right"), "wrong", "passphrase", "does not open"),
        (private_key(), "any", "passphrase", "to a key without one"),
        pytest.param(public_key(), None, "private_key", "is a public key", id="public"),
        ("PuTTY-User-Key-File-3: ssh-rsa\n", None, "private_key", "PuTTY"),
        ("s3cret", None, "private_key", "must begin with -----BEGIN"),
        (private_key()[:-40], None, "private_key", "and end with -----END"),  # cut off
        (private_key().replace("b3Blbn", "b3B"), None, "private_key", "is damaged"),
        (PEM.replace("MC4C", "MC4D"), None, "private_key", "is damaged"),
        (with_compressed_point(), None, "private_key", "is damaged"),
        (private_key().replace("b3Bl", "\u00fc3Bl"), None, "private_key", "is damaged"),
        (with_rounds(1_000_000), "s3cret", "private_key", "rounds"),  # three hours
        (with_iterations(2**24), "s3cret", "private_key", "rounds"),  # 4 s; of 2^31, 9 minutes
        (encrypted(nested(3000)), "s3cret", "private_key", "is damaged"),  # too deep to read
        (encrypted(b"0"), "s3cret", "private_key", "is damaged"),
        (
            OTHER.private_bytes(Encoding.PEM, PKCS8, NoEncryption()).decode(),
            None,
            "private_key",
            "ed25519, ecdsa or rsa",
        ),
        (
            CURVE.private_bytes(Encoding.PEM, PKCS8, NoEncryption()).decode(),
            None,
            "private_key",
            "a curve",
        ),
    ],
)
def test_a_key_that_ssh_could_not_use_is_refused_when_it_is_put(text, passphrase, field, message):
    place, told = refused(text, passphrase)

    assert place == field
    assert message in told
    assert "s3cret" not in told


def written(line):
    """A line with a key in it; names of tests have none, since they must be the same each time."""
    return line.format(blob=BLOB, cut=BLOB[:-9], key=BLOB.split()[1])


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), kind=st.sampled_from(["rsa", "ecdsa"]))
def test_a_damaged_key_is_refused_or_none_the_worse(at, byte, kind):
    head, *body, end = DAMAGED[kind].splitlines()
    blob = bytearray(base64.b64decode("".join(body)))
    blob[at % len(blob)] = byte
    with suppress(Refused):
        key(f"{head}\n{base64.b64encode(blob).decode()}\n{end}")


@pytest.mark.parametrize(
    "line",
    [
        "git.example {blob}",
        "git.example,192.0.2.1 {blob} a comment",
        "[git.example]:2222 {blob}",
        "*.example,!bad.example {blob}",
        "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|BBBBBBBBBBBBBBBBBBBBBBBBBBB= {blob}",  # hashed
        "@cert-authority *.example {blob}",
        "@revoked * {blob}",
        "# a comment",
        "",
    ],
)
def test_a_line_of_known_hosts_is_taken(line):
    given = f"git.example {BLOB}\r\n{written(line)}"

    kept = credential({**KEY, "known_hosts": given}).known_hosts

    assert kept.splitlines() == given.splitlines()
    assert "\r" not in kept
    assert kept.endswith("\n")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("git.example", "must have a host"),
        ("{blob}", "must have a host"),  # the host was forgotten
        ("@trusted git.example {blob}", "has a marker"),
        ("git.example {cut}", "is cut off"),
        ("git.example {cut}\u00fc\u00fc", "is cut off"),
        ("git.example ssh-rsa {key}", "not of its kind"),
        ("git.example 2048 65537 123456789", "no kind of key"),  # of SSH 1
        ("|1|hash|hash {blob}", "no host"),
    ],
)
def test_a_line_of_known_hosts_that_is_wrong_is_named(line, fault):
    with pytest.raises(ValidationError, match=f"line 3 .*{fault}") as caught:
        credential({**KEY, "known_hosts": f"# ours\ngit.example {BLOB}\n{written(line)}\n"})

    assert [each["loc"][1:] for each in caught.value.errors()] == [("known_hosts",)]


def test_what_is_not_read_by_ansible_alone_may_have_blanks_at_its_ends():
    for body in (HTTPS, VAULT):  # ansible-vault strips when it encrypts, too
        assert credential({**body, "password": " s3cret "}).password == " s3cret "


def test_no_representation_of_a_credential_tells_it():
    for body in (HTTPS, VAULT, LOGIN, {"kind": "become_password", "password": "s3cret"}):
        assert "s3cret" not in repr(credential(body))
    assert KEY["private_key"].splitlines()[2] not in repr(key(KEY["private_key"]))


def test_what_is_shown_has_no_secret():
    assert shown(credential(HTTPS)) == {"username": "token", "host": None}
    assert shown(credential(VAULT)) == {"vault_id": "default"}
    assert shown(credential(LOGIN)) == {"username": None}
    fields = shown(key(private_key(), known_hosts=f"git.example {BLOB}"))
    assert set(fields) == {"known_hosts", "host_keys", "username", "public_key", "fingerprint"}
    assert fields["known_hosts"] is True


def test_every_line_of_a_key_is_masked_and_its_frame_is_not():
    kept = key(private_key("rsa"))
    lines = kept.private_key.splitlines()

    masked = Mask(secrets(kept)).text(f"{kept.private_key}\n{lines[5]}")

    assert not [line for line in lines[1:-1] if line in masked]
    assert masked.startswith(lines[0])


def test_what_is_kept_is_restored_as_it_was():
    for each in (credential(HTTPS), credential(VAULT), key(private_key())):
        assert restored(each.model_dump()) == each


def test_what_another_version_has_kept_is_not_told_in_the_error():
    with pytest.raises(CredentialUnreadable) as caught:
        restored({"kind": "git_https", "secret": "s3cret"})

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
