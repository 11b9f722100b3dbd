"""The thread that follows the bell: a stop reaches its keeper at once, whatever the loop does."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, family, keys
from runner.live import Live

log = logging.getLogger(__name__)

AGAIN = 0.5  # seconds until a lost connection is tried again
ANSWER_KEPT = 30  # seconds until an answer that nobody has fetched expires


class Listener(threading.Thread):
    """Hears wishes for the runs of one runner and ignores those for strangers' runs."""

    def __init__(self, redis: Redis, lives: Mapping[int, Live], wake: Callable[[], None]) -> None:
        """Read *lives*, never change it; call *wake* when there may be a run to take."""
        super().__init__(name="listener", daemon=True)
        self._redis = redis
        self._lives = lives
        self._wake = wake
        self._last: str | None = None
        # A look takes some 20 ms: no stop shall wait behind many.
        self._lookers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="looker")
        self.closing = threading.Event()

    def run(self) -> None:
        """Follow the stream from the last wish heard: a lost connection loses none."""
        while not self.closing.is_set():
            try:
                self._follow()
            except RedisError as error:
                log.warning("the bell is out of reach: %s", error)
                self.closing.wait(AGAIN)
            except Exception:
                log.exception("a wish could not be answered")
                self.closing.wait(AGAIN)

    def _follow(self) -> None:
        if self._last is None:
            self._last = bell.newest(self._redis)
            self._wake()
        for heard, wish in bell.listen(self._redis, self._last):
            self._last = heard
            self._answer(wish)

    def _answer(self, wish: dict[str, str]) -> None:
        if "start" in wish or "errand" in wish:
            self._wake()
        elif "stop" in wish:
            self._stop(int(wish["stop"]), force=wish.get("force") == "1")
        elif "look" in wish:
            self._lookers.submit(self._look, int(wish["look"]), wish["answer"])

    def _stop(self, run_id: int, *, force: bool) -> None:
        live = self._lives.get(run_id)
        if live is not None:
            log.info("run %d: the bell asks to %s", run_id, "force" if force else "stop")
            live.force() if force else live.stop()

    def _look(self, run_id: int, token: str) -> None:
        try:
            self._answer_look(run_id, token)
        except RedisError as error:
            log.warning("run %d: a look is not answered: %s", run_id, error)

    def _answer_look(self, run_id: int, token: str) -> None:
        live = self._lives.get(run_id)
        if live is None:
            return
        seen = family.describe(family.below(live.kept.pid))
        for member in seen:
            member["command"] = live.output.mask.text(member["command"])
        key = keys.look(token)
        with self._redis.pipeline() as pipe:
            pipe.rpush(key, json.dumps(seen))
            pipe.expire(key, ANSWER_KEPT)
            pipe.execute()
