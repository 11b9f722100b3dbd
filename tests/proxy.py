"""A network that can be slow, cut or silent: a TCP proxy in front of one server's socket."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

CHUNK = 65_536  # bytes read at once
LOOPBACK = "127.0.0.1"


class Way(Enum):
    """Where bytes go to."""

    #: From the client: what it asks.
    TO_SERVER = auto()
    #: From the server: its answers.
    TO_CLIENT = auto()


class Network:
    """The loop of all proxies of one world, in a thread of its own."""

    def __init__(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._proxies: list[Proxy] = []

    def proxy(self, target: Path | int, host: str = LOOPBACK, port: int = 0) -> "Proxy":
        """Listen for *target*, a path or a port of the loopback, on *port*; 0: on any."""
        proxy = Proxy(self, target, host, port)
        self._proxies.append(proxy)
        return proxy

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run *coroutine* in the loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)

    def close(self) -> None:
        """Close every proxy and end the thread."""
        for proxy in self._proxies:
            proxy.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Proxy:
    """One client's way to one server."""

    def __init__(self, network: Network, target: Path | int, host: str, port: int) -> None:
        """Listen, and pass everything on."""
        self._network = network
        self._target = target
        self._delay = 0.0
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._host = host
        self.port = port
        network.wait_for(self._open())

    async def _open(self) -> None:
        #: Set where bytes may pass.
        self._gates = {way: asyncio.Event() for way in Way}
        for gate in self._gates.values():
            gate.set()
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def is_used(self) -> bool:
        """Whether somebody is connected."""
        return bool(self._connections)

    # What the network does to its client

    def delay(self, seconds: float) -> None:
        """Pass each piece on only after *seconds*."""
        self._delay = seconds

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        self._network.wait_for(self._cut())

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def black_hole(self, *ways: Way) -> None:
        """Accept and keep connections, and pass nothing on; *ways*: only those are dead."""
        self._network.wait_for(self._black_hole(ways or tuple(Way)))

    async def _black_hole(self, ways: tuple[Way, ...]) -> None:
        for way in ways:
            self._gates[way].clear()

    def restore(self) -> None:
        """Be a good network again. What a black hole has kept is passed on now, as TCP does it."""
        self._network.wait_for(self._restore())

    async def _restore(self) -> None:
        self._delay = 0.0
        for gate in self._gates.values():
            gate.set()
        if self._server is None:
            await self._listen()

    def close(self) -> None:
        """Listen no more."""
        self.cut()

    # What happens in the loop

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        # A connection that is cut has no more to say: the stream protocol would log its end.
        with suppress(OSError, asyncio.CancelledError):
            await self._join(reader, writer)
        self._connections.discard(task)
        writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._gates[Way.TO_SERVER].wait()
        answers, requests = await self._connect()
        try:
            await asyncio.gather(
                self._pass_on(reader, requests, Way.TO_SERVER),
                self._pass_on(answers, writer, Way.TO_CLIENT),
            )
        finally:
            requests.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, int):
            return await asyncio.open_connection(LOOPBACK, self._target)
        return await asyncio.open_unix_connection(str(self._target))

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        while piece := await reader.read(CHUNK):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._gates[way].wait()
            writer.write(piece)
            await writer.drain()
        await self._gates[way].wait()
        writer.write_eof()
