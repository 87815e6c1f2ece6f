"""The reply server's clock. Rule: deadlines are read on it alone, so that machines whose clocks differ agree."""

import time

from redis import Redis

from connector.contract import LONG_TRIP_S


class Clock:
    """Seconds as Redis `TIME` counts them, carried on between beats by this machine's monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()  # until the server was asked: the best guess there is
        self._asked = False

    def set(self, server: Redis) -> float:
        """Ask the server (one round trip) and return its time; half the trip is taken as already gone. Of a long trip
        nobody knows which half: it tells nothing where there was an answer before.
        """
        before = time.monotonic()
        seconds, micros = server.time()
        after = time.monotonic()
        if after - before < LONG_TRIP_S or not self._asked:
            self._offset = float(seconds) + micros / 1e6 - (before + after) / 2
            self._asked = True
        return self.now()

    def now(self) -> float:
        return time.monotonic() + self._offset
