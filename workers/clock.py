"""The reply server's clock, as a worker asks for it."""

import time

from redis import Redis

from connector.clock import ServerClock


class Clock(ServerClock):
    """Seconds as Redis `TIME` counts them."""

    def set(self, server: Redis) -> float:
        """Ask the server (one round trip) and return its time."""
        asked = time.monotonic()
        seconds, microseconds = server.time()
        self.tell(float(seconds) + microseconds / 1e6, asked, time.monotonic())
        return self.now()

    def now(self) -> float:
        return self.at(time.monotonic())
