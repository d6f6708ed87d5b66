"""One queue for all threads of a server: its connection serves one of them at a time."""

import contextlib
import threading
from collections.abc import Iterator

from rlhp_ray.preferences.query_queue import QueryQueue


class SharedQueue:
    """Lends a queue to one thread at a time."""

    def __init__(self, queue: QueryQueue) -> None:
        self._queue = queue
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lent(self) -> Iterator[QueryQueue]:
        """The queue, nobody else's meanwhile."""
        with self._lock:
            yield self._queue
