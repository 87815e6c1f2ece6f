"""Ending a process that computes for ever. Rule: the solo pool ignores Celery's time limits, so one batch that takes
longer than `batch_limit_s` ends the process; whoever started it starts it again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

EXIT_STUCK = 70  # EX_SOFTWARE
T = TypeVar("T")
log = logging.getLogger("secondpass.worker")


def end(limit_s: float) -> None:
    """Leave at once: a stuck library call would outlive any clean way."""
    log.critical("batch exceeded batch_limit_s=%g, process ends", limit_s)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(EXIT_STUCK)


class Watchdog:
    """`with watchdog:` around what must not take longer than `limit_s`; one thread looks twice a second or more."""

    def __init__(self, limit_s: float, end: Callable[[float], None] = end) -> None:
        self.limit_s, self._end = limit_s, end
        self._since: float | None = None
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._since = None

    def each(self, steps: Iterator[T]) -> Iterator[T]:
        """The same steps, each of them watched."""
        while True:
            with self:
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step

    def _look(self) -> None:
        while True:
            time.sleep(min(0.5, self.limit_s / 4))
            since = self._since
            if since is not None and time.monotonic() - since > self.limit_s:
                self._end(self.limit_s)
