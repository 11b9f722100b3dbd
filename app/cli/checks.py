"""What `curtain doctor` looks at: each part in a sentence, and what to do about it."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from app.cli import places, words
from app.cli.client import Client, at
from app.cli.errors import Answered, CliError
from app.cli.exits import Exit
from app.version import VERSION

Level = Literal["good", "odd", "bad"]

SKEW = 5.0  # seconds that two clocks may differ; senders' signatures allow minutes
SOON = 7  # days before its end that a token is told of
LATELY = 20  # deliveries of a hook that are looked at
MOST_HOOKS = 50
#: Parts that a person should look at, and that stop nothing.
LATER = ("queue", "notifications")
WRONG = ("refused", "denied", "rejected")


@dataclass(frozen=True)
class Finding:
    """What was found of one part."""

    part: str
    level: Level
    words: str
    #: What to do; empty where nothing is to be done.
    advice: str = ""
    #: What it makes of the exit code, if it is bad.
    exit: Exit = Exit.UNWELL


def of_file(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether others could read the tokens that are kept."""
    file = places.path(environ)
    if not file.exists():
        return
    if file.stat().st_mode & 0o077:
        yield Finding("tokens", "bad", f"others may read {file}", f"chmod 600 {file}")
    else:
        yield Finding("tokens", "good", f"kept in {file}, for you alone")


def of_server(client: Client) -> Iterator[Finding]:
    """Whether it is there, by what way, and of which version. Raise Unreachable."""
    url = client.place.url
    with client.stream("//health", 10.0) as response:
        date = response.headers.get("date")
    yield Finding("server", "good", f"{url} answers")
    if places.is_private(url):
        yield Finding("way", "good", "nobody on the way can read the token")
    else:
        yield Finding("way", "odd", "not https: the token can be read on the way", "serve https")
    if date:
        yield _clock(parsedate_to_datetime(date), datetime.now(UTC))
    version = client.get("//openapi.json")["info"]["version"]
    if version == VERSION:
        yield Finding("version", "good", f"{version}, as here")
    else:
        yield Finding(
            "version", "odd", f"the server is {version}, this is {VERSION}", "use the same one"
        )


def _clock(theirs: datetime, ours: datetime) -> Finding:
    apart = (ours - theirs).total_seconds()
    if abs(apart) <= SKEW + 1:  # the header has whole seconds
        return Finding("clock", "good", "as here")
    which = "ahead of" if apart > 0 else "behind"
    return Finding(
        "clock", "odd", f"this one is {words.span(abs(apart))} {which} the server's", "use NTP"
    )


def of_token(client: Client) -> Iterator[Finding]:
    """Whose token it is, what it may do, and for how long."""
    try:
        me = client.get("/me")
    except Answered as error:
        yield Finding(
            "token", "bad", str(error), f"curtain login {client.place.url}", Exit.NOT_ALLOWED
        )
        return
    over = f" over {', '.join(me['templates'])}" if me["templates"] else ""
    rights = ", ".join(me["rights"]) or "nothing"
    yield Finding("token", "good", f"{me['name']} may {rights}{over}")
    if me["expires_at"]:
        left = (words.time(me["expires_at"]) - datetime.now(UTC)).total_seconds()
        if left < SOON * words.DAY:
            yield Finding("token", "odd", f"ends in {words.span(left)}", "ask for a new one")


def of_parts(client: Client) -> Iterator[Finding]:
    """What the server says of what it needs."""
    try:
        ready = client.get("//ready")
    except Answered as error:
        ready = error.body  # 503 without Postgres, and it says so
    for word in ready.get("words", []):
        level: Level = "good" if word["is_well"] else "odd" if word["part"] in LATER else "bad"
        yield Finding(word["part"], level, word["says"], word["advice"] or "")


def of_slots(client: Client) -> Iterator[Finding]:
    """How many runs could start now."""
    with client.stream("//metrics", 10.0) as response:
        text = response.read().decode()
    slots = {
        found[1]: int(float(found[2]))
        for found in re.finditer(r'^curtain_slots\{state="(\w+)"\} (\S+)$', text, re.MULTILINE)
    }
    free, busy = slots.get("free", 0), slots.get("busy", 0)
    if free or not busy:
        yield Finding("slots", "good", f"{free} free, {busy} busy")
    else:
        advice = "what comes now waits: start more runners, or raise RUNNER_SLOTS"
        yield Finding("slots", "odd", f"all {busy} busy", advice)


def of_hooks(client: Client) -> Iterator[Finding]:
    """Hooks by which nothing good has come lately."""
    try:
        found = list(client.pages("/hooks", "hooks", MOST_HOOKS))
    except Answered as error:
        yield Finding("hooks", "odd", f"cannot be looked at: {error}")
        return
    failing = [finding for hook in found for finding in _hook(client, hook["name"])]
    yield from failing or [Finding("hooks", "good", f"{words.count(len(found), 'hook')}")]


def _hook(client: Client, name: str) -> Iterator[Finding]:
    path = f"{at('hooks', name)}/deliveries"
    lately = list(client.pages(path, "deliveries", LATELY))
    if lately and all(each["decision"] in WRONG for each in lately):
        yield Finding(
            f"hook {name}",
            "odd",
            f"its last {len(lately)} deliveries came to nothing: {lately[0]['why']}",
            f"curtain hooks deliveries {name}",
        )


def of_machine() -> Iterator[Finding]:
    """Whether a runner of this machine has the programs that it needs."""
    if not any(map(_is_runner, Path("/proc").glob("[0-9]*/cmdline"))):
        return
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    without: dict[str, Level] = {"git": "bad", "ansible-playbook": "bad", "ssh": "odd"}
    for program, level in without.items():
        if path := shutil.which(program, path=folders):
            yield Finding(program, "good", path)
        else:
            yield Finding(program, level, "not found on this machine", f"install {program}")


def _is_runner(file: Path) -> bool:
    try:
        words_of = file.read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended meanwhile, or is another user's
    return words_of[1:3] == [b"-m", b"runner"]


def all_of(client: Client, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything; where the server does not answer, at what is here."""
    yield from of_file(environ)
    try:
        for look in (of_server, of_token, of_parts, of_slots, of_hooks):
            yield from look(client)
    except CliError as error:
        yield Finding("server", "bad", str(error), _advice(str(error)), error.exit)
    yield from of_machine()


def _advice(said: str) -> str:
    if "CERTIFICATE" in said:
        return "give SSL_CERT_FILE the certificate of the CA that has signed the server's"
    return "is the address right, is the server started, is there a proxy in between?"
