"""A hook with its secrets, as it is called."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from app.hooks.hook import Hook
from app.hooks.incoming import Keys
from app.hooks.people import ChatHook
from app.hooks.triggering import Triggering
from runner.store.hooks import StoredHook
from runner.vault import Vault

_HOOK: TypeAdapter[ChatHook | Triggering] = TypeAdapter(Hook)


@dataclass(frozen=True, kw_only=True)
class OpenedHook:
    """A hook that may be called."""

    name: str
    sender: str
    spec: ChatHook | Triggering
    keys: Keys


def open_hook(stored: StoredHook, vault: Vault, url: str | None = None) -> OpenedHook:
    """Read its spec and its secrets. Raise SecretsUnreadable.

    *url* is where people and chats reach us; without it no chat shows a button that calls us.
    """
    spec = _HOOK.validate_python(stored.spec)
    secrets = tuple(vault.open(stored.sealed).get("secrets", ()))
    return OpenedHook(
        name=stored.name,
        sender=stored.sender,
        spec=spec,
        keys=Keys(
            secrets=secrets,
            options={
                **spec.options,
                "button_url": f"{url.rstrip('/')}/hooks/{stored.name}" if url else None,
            },
        ),
    )
