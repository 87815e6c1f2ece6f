"""Another server's clock, carried on by this machine's monotonic one. Rule: deadlines are read on the reply server's
clock alone, by proxies and workers both, so that machines whose clocks differ agree.
"""

import time

LONG_TRIP_S = 0.1  # a question for the time that took longer sets no clock that was set before


class ServerClock:
    """Seconds of the epoch as that server counts them; until it has told them, as this machine does."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._told = False

    def tell(self, server_s: float, asked: float, answered: float) -> None:
        """The server's time, and the `time.monotonic()` moments around the question; half the trip is taken as already
        gone. Of a long trip nobody knows which half: it tells nothing where there was an answer before.
        """
        if answered - asked < LONG_TRIP_S or not self._told:
            self._offset = server_s - (asked + answered) / 2
            self._told = True

    def at(self, moment: float) -> float:
        """A `time.monotonic()` moment on that clock."""
        return moment + self._offset
