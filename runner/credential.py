"""What a credential is: secrets of one kind, and what may be shown of them. Pure."""

from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
)

from runner import known_hosts, ssh_key
from runner.errors import RunnerError
from runner.strict import SHAPE, Strict, tag_of_kind
from runner.words import (
    BaseUrl,
    Host,
    OneLine,
    Token,
    UserName,
    VaultId,
    WebhookSecret,
    WebUrl,
    WebUserName,
)

Kind = Literal[
    "git_https",
    "ssh_key",
    "become_password",
    "vault_password",
    "login_password",
    "api_token",
    "webhook",
]

KnownHosts = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500_000),
    AfterValidator(known_hosts.checked),
]


def _vault_password(password: str) -> str:
    """Refuse what nothing is left of when Ansible has stripped it."""
    if not password.strip():
        raise ValueError("must not be blank")
    return password


def _ansible_password(password: str) -> str:
    """Refuse what ansible would take for another: it strips what it reads of a file."""
    if password != password.strip():
        raise ValueError("must not begin or end with a blank: ansible would take it off")
    return password


class GitHttps(Strict):
    """For https:// repositories."""

    kind: Literal["git_https"]
    username: WebUserName = Field(description="with a token often any word, such as `token`")
    password: OneLine = Field(repr=False, description="or a token")
    host: Host | None = Field(
        default=None,
        description="host or host:port; it is told to no other. null: the repository's",
    )


class SshKey(Strict):
    """For ssh:// repositories, and for Ansible's hosts."""

    kind: Literal["ssh_key"]
    private_key: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] = Field(
        repr=False, description="ed25519, ecdsa or rsa, as OpenSSH or PEM writes it"
    )
    passphrase: OneLine | None = Field(
        default=None, repr=False, description="opens the key when it is put; it is not kept"
    )
    known_hosts: KnownHosts | None = Field(default=None, description="lines of a known_hosts file")
    host_keys: Literal["strict", "accept-new"] = Field(
        default="strict", description="whether a host that is not among them is refused"
    )
    username: UserName | None = Field(default=None, description="whom to log in as on hosts")


class BecomePassword(Strict):
    """For `become` on Ansible's hosts."""

    kind: Literal["become_password"]
    password: Annotated[OneLine, AfterValidator(_ansible_password)] = Field(repr=False)


class VaultPassword(Strict):
    """For files and variables that ansible-vault has encrypted."""

    kind: Literal["vault_password"]
    password: Annotated[OneLine, AfterValidator(_vault_password)] = Field(repr=False)
    vault_id: VaultId = "default"


class LoginPassword(Strict):
    """For Ansible's hosts that want a password."""

    kind: Literal["login_password"]
    password: Annotated[OneLine, AfterValidator(_ansible_password)] = Field(repr=False)
    username: UserName | None = Field(default=None, description="whom to log in as on hosts")


class ApiToken(Strict):
    """For commit statuses on a forge, and bots of chats."""

    kind: Literal["api_token"]
    base_url: BaseUrl = Field(
        description="of the API: https://api.github.com, https://gitlab.example.com, …"
    )
    token: Token = Field(repr=False)


class Webhook(Strict):
    """For callbacks, and messages in chats."""

    kind: Literal["webhook"]
    url: WebUrl = Field(repr=False, description="all of it is a secret, but its host")
    secret: WebhookSecret | None = Field(
        default=None, repr=False, description="signs callbacks: whsec_ and base64, 24 to 64 bytes"
    )


Credential = Annotated[
    Annotated[GitHttps, Tag(f"{SHAPE}git_https")]
    | Annotated[SshKey, Tag(f"{SHAPE}ssh_key")]
    | Annotated[BecomePassword, Tag(f"{SHAPE}become_password")]
    | Annotated[VaultPassword, Tag(f"{SHAPE}vault_password")]
    | Annotated[LoginPassword, Tag(f"{SHAPE}login_password")]
    | Annotated[ApiToken, Tag(f"{SHAPE}api_token")]
    | Annotated[Webhook, Tag(f"{SHAPE}webhook")],
    Discriminator(
        tag_of_kind,
        custom_error_type="unknown_kind",
        custom_error_message=f"must be {', '.join(get_args(Kind)[:-1])} or {get_args(Kind)[-1]}",
    ),
]
_ADAPTER: TypeAdapter[Credential] = TypeAdapter(Credential)


class CredentialUnreadable(RunnerError):
    """It was kept by another version of Curtain: put it again."""


def restored(kept: dict[str, Any]) -> Credential:
    """Make it of what its model_dump gave. Raise CredentialUnreadable."""
    try:
        return _ADAPTER.validate_python(kept)
    except ValidationError:  # whose text has the value
        raise CredentialUnreadable from None


def unlocked(credential: Credential) -> Credential:
    """Give it as it is kept: a private key as OpenSSH writes it, without its passphrase.

    Raise Refused for a key that cannot be read.
    """
    if not isinstance(credential, SshKey):
        return credential
    key = ssh_key.unlock(credential.private_key, credential.passphrase)
    return credential.model_copy(update={"private_key": ssh_key.write(key), "passphrase": None})


def secrets(credential: Credential) -> dict[str, str]:
    """What must not be shown, by field; of a private key the lines that are its own."""
    match credential:
        case SshKey():
            return _secrets_of_key(credential)
        case ApiToken():
            return {"token": credential.token}
        case Webhook():
            return {"url": credential.url} | (
                {"secret": credential.secret} if credential.secret else {}
            )
    return {"password": credential.password}


def _secrets_of_key(credential: SshKey) -> dict[str, str]:
    lines = credential.private_key.splitlines()
    own = "\n".join(line for line in lines if not line.startswith("-----"))
    return {"private_key": own} | (
        {"passphrase": credential.passphrase} if credential.passphrase else {}
    )


def ordered(name: str, credential: Credential) -> dict[str, Any]:
    """Write it into an order, which is for the run alone."""
    return {"name": name, **credential.model_dump()}


def shown(credential: Credential) -> dict[str, Any]:
    """What everybody may see of one that is unlocked, beside its kind."""
    hidden = {"kind", "passphrase", "secret", "base_url", *secrets(credential)}
    fields = credential.model_dump(exclude=hidden)
    if isinstance(credential, SshKey):
        fields["known_hosts"] = credential.known_hosts is not None
        fields["public_key"] = ssh_key.public_key(credential.private_key)
        fields["fingerprint"] = ssh_key.fingerprint(credential.private_key)
    if isinstance(credential, ApiToken):
        fields["host"] = urlsplit(credential.base_url).netloc
    if isinstance(credential, Webhook):
        fields["host"] = urlsplit(credential.url).netloc
        fields["signed"] = credential.secret is not None
    return fields
