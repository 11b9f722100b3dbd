"""`curtain login`, `logout` and `contexts`: the servers that are known here, and their tokens."""

import sys
from urllib.parse import urlsplit

import click

from app.cli import places
from app.cli.call import Call, complete_contexts, takes_call
from app.cli.errors import NotSignedIn, WrongUsage
from app.cli.out import note
from app.cli.places import Place


@click.command()
@click.argument("url", required=False)
@click.option("--name", metavar="NAME", help="What to call the server; its host unless given.")
@takes_call
def login(call: Call, url: str | None, name: str | None) -> None:
    """Sign in to the server at URL by a token, and use it from now on.

    The token is asked for without echo, or read from standard input; it is checked at the server
    and kept in ~/.config/curtain/config.toml, for you alone.
    """
    from app.cli.client import Client

    kept = places.read(call.environ)
    url = places.checked_url(_url(call, url, kept))
    name = name or call.context or urlsplit(url).hostname or url
    if not places.NAME.fullmatch(name):
        raise WrongUsage("a name is up to 63 letters, digits, points, lines and underscores")
    if not places.is_private(url):
        note(f"{url} is not https: whoever is on the way can read the token")
    if not (token := _token(url)):
        raise WrongUsage("no token was given: type it when asked, or send it to standard input")
    place = Place(url, places.checked_token(token))
    with Client(place) as client:
        me = client.get("/me")
    file = places.write(call.environ, kept.with_context(name, place))
    if call.as_json:
        call.out.document({"context": name, "url": url, "me": me})
    else:
        rights = ", ".join(me["rights"]) or "no rights"
        call.out.line(f"signed in to {url} as {me['name']} ({rights}); kept as {name} in {file}")
    if call.environ.get("CURTAIN_TOKEN") or call.environ.get("CURTAIN_URL"):
        note("CURTAIN_URL and CURTAIN_TOKEN of the environment go on to count more than this")


def _url(call: Call, url: str | None, kept: places.Kept) -> str:
    """The address that is meant: the one given, that of the environment, or of the context."""
    if given := url or call.environ.get("CURTAIN_URL"):
        return given
    name = call.context or kept.current
    if name is not None and name in kept.contexts:
        return kept.contexts[name].url
    raise WrongUsage("give the address of the server: curtain login https://curtain.example.com")


def _token(url: str) -> str:
    if sys.stdin.isatty():
        token: str = click.prompt(f"Token for {url}", hide_input=True, err=True)
        return token.strip()
    return sys.stdin.readline(10_000).strip()


@click.command()
@click.option("--name", metavar="NAME", shell_complete=complete_contexts, help="Which server.")
@click.option("--all", "everything", is_flag=True, help="Every server.")
@takes_call
def logout(call: Call, name: str | None, everything: bool) -> None:
    """Forget a server and its token: the current one, or another by its name.

    The token itself stays good: `curtain tokens revoke` ends it.
    """
    kept = places.read(call.environ)
    name = name or call.context or kept.current
    names = list(kept.contexts) if everything else [name] if name in kept.contexts else []
    if not names:
        raise NotSignedIn("there is nobody to sign out: `curtain contexts` lists who is known")
    for each in names:
        kept = kept.without(str(each))
    places.write(call.environ, kept)
    if call.as_json:
        call.out.document({"forgotten": names})
    else:
        call.out.line(f"forgotten: {', '.join(map(str, names))}")


@click.command()
@click.argument("name", required=False, shell_complete=complete_contexts)
@takes_call
def contexts(call: Call, name: str | None) -> None:
    """List the servers that are known here, or use NAME from now on."""
    kept = places.read(call.environ)
    if name is not None:
        kept = kept.choosing(name)
        places.write(call.environ, kept)
    shown = [
        {"name": each, "url": place.url, "current": each == kept.current}
        for each, place in sorted(kept.contexts.items())
    ]
    if call.as_json:
        call.out.document({"contexts": shown})
    else:
        rows = (("*" if each["current"] else "", each["name"], each["url"]) for each in shown)
        call.out.table(("", "NAME", "URL"), rows)
