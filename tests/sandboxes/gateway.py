"""What sandboxes reach: a bridge to all of them, on it Postgres, Redis behind TLS, git, a ledger.

Run as a program it owns the network namespace that it was started in, as long as it lives:
`python -m tests.sandboxes.gateway FOLDER POSTGRES REDIS REPOSITORIES`, with the sockets of two
servers. In FOLDER it keeps the ledger, and a door for who is outside of the network.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.proxy import CHUNK, Network
from tests.remotes.https import https_server
from tests.tls import open_tls

ADDRESS = "10.77.0.1"  # the bridge's; no other network is in this namespace
POSTGRES, REDIS, GIT, LEDGER = 5432, 6379, 443, 7000
#: In its folder; the certificate is the Git server's, and nobody has signed it.
LEDGER_FILE, DOOR, CERTIFICATE = "ledger", "door", "https/server.crt"

BRIDGE = (
    "link set lo up",
    "link add bridge type bridge",
    f"address add {ADDRESS}/24 dev bridge",
    "link set bridge up",
)


def main(folder: Path, postgres: Path, redis: Path, repositories: Path) -> None:
    """Serve until killed."""
    for words in BRIDGE:
        subprocess.run(["ip", *words.split()], check=True)
    https = folder / "https"
    https.mkdir()
    with (
        Network() as network,
        open_tls(str(redis), folder, ADDRESS, REDIS),
        https_server(repositories, https, ADDRESS, GIT),
    ):
        network.proxy(postgres, ADDRESS, POSTGRES)
        asyncio.run(serve(folder))


async def serve(folder: Path) -> None:
    """Keep the ledger and the door; that the door is there says that all is."""

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (folder / LEDGER_FILE).open("ab") as ledger:
            ledger.write(await reader.read())
        writer.close()

    await asyncio.start_server(note, ADDRESS, LEDGER)
    visits: set[asyncio.Task[None]] = set()  # the loop itself holds none

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.create_task(join(reader, writer))
        visits.add(visit)
        visit.add_done_callback(visits.discard)

    door = await asyncio.start_unix_server(admit, folder / DOOR)
    await door.serve_forever()


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect to the address in the first line, and carry both ways."""
    host, port = (await reader.readline()).decode().split()
    try:
        inside = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, inside[1]), carry(inside[0], writer))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes; an end, too."""
    try:
        while piece := await reader.read(CHUNK):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
