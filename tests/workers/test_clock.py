"""The reply server's clock: of a question that took long nobody knows when it was answered."""

import time
from typing import cast

from redis import Redis

from workers.clock import Clock


class Server:
    """Tells the time at which it was asked, `late_s` afterwards."""

    def __init__(self) -> None:
        self.ahead_s = 100.0
        self.late_s = 0.0

    def time(self) -> tuple[int, int]:
        now = time.monotonic() + self.ahead_s
        time.sleep(self.late_s)
        return int(now), int(now % 1 * 1e6)


def test_a_slow_answer_sets_no_clock_that_was_set_before() -> None:
    server, clock = Server(), Clock()
    asked = cast("Redis", server)

    def off_s() -> float:
        return abs(clock.now() - time.monotonic() - server.ahead_s)

    clock.set(asked)
    assert off_s() < 0.05
    server.late_s = 0.4
    clock.set(asked)
    assert off_s() < 0.05  # and not 0.2
    server.ahead_s, server.late_s = 200.0, 0.0
    clock.set(asked)
    assert off_s() < 0.05
