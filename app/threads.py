"""Work that its caller waits for only so long: a sender is answered in time, whatever hangs."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

THREADS: Final = 40  # what hangs holds one for as long as Postgres or Redis may be silent: 20 s


class Threads:
    """Threads of one web process, started when first needed: gunicorn forks before that."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="within")

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Begin *work*, as soon as a thread is free."""
        return self._pool.submit(work)

    def within(self, work: Callable[[], T], seconds: float) -> T:
        """Do *work*. Raise TimeoutError when that takes longer; it goes on by itself."""
        return self.start(work).result(timeout=seconds)

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)
