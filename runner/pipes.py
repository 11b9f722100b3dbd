"""The pipes of live runs in the loop's selector: what keepers say, what families print."""

import selectors
from functools import partial

from runner.live import Live


class Pipes:
    """Watches the pipes of live runs and hands what comes to them."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        """Register with *selector*, whose keys' data is called when they are ready."""
        self._selector = selector

    def add(self, live: Live) -> None:
        """Hear what its keeper says, and read what it prints."""
        hear = partial(self.hear, live)
        self._selector.register(live.kept.status, selectors.EVENT_READ, hear)
        self.read_on(live, has_room=True)

    def read_on(self, live: Live, *, has_room: bool) -> None:
        """Watch its output while there is room for it; a full pipe slows its family down."""
        is_wanted = live.output_is_open and has_room
        is_watched = live.kept.output in self._selector.get_map()
        if is_wanted and not is_watched:
            read = partial(self.read, live)
            self._selector.register(live.kept.output, selectors.EVENT_READ, read)
        elif is_watched and not is_wanted:
            self._selector.unregister(live.kept.output)

    def read(self, live: Live) -> None:
        """Read what has been printed, at most a pipe's content."""
        if not live.output_is_open:
            return
        chunk = live.kept.read_output()
        if chunk:
            live.output.feed(chunk)
        # A member that has left the family may hold the pipe for ever: gone and empty is the end.
        elif chunk is None or live.is_gone:
            live.output.finish()
            live.output_is_open = False
            self._forget(live.kept.output)

    def hear(self, live: Live) -> None:
        """Take what its keeper has said."""
        lines = live.kept.read_status()
        if lines is None:
            self._forget(live.kept.status)
            return
        for line in lines:
            live.hear(line)

    def remove(self, live: Live) -> None:
        """Watch nothing of it any more."""
        self._forget(live.kept.status)
        self._forget(live.kept.output)

    def _forget(self, descriptor: int) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)
