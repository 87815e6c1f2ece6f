"""Who is alive: the workers' announcements, read every `BEAT_S` in the background, and the reply server's clock.

A search asks this object and never the server. While the server cannot be reached the last known list stands: not to
know is not to know that nobody is there; the queue's breaker deals with that outage.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

import msgspec
from redis.exceptions import RedisError

from connector.background import end
from connector.calibration import Calibration, read_calibration
from connector.clock import ServerClock
from connector.contract import BEAT_S, LIVE_S, Announcement, workers_key
from connector.servers import open_redis

log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 1.0


class Live:
    """The living workers of the given (role, model) pairs."""

    def __init__(self, url: str, watched: Iterable[tuple[str, str]]) -> None:
        self.watched = list(dict.fromkeys(watched))
        self.reachable = False
        self.gone: Callable[[str], None] = lambda queue: None  # called when a worker of a queue lives no more
        self._ids: set[tuple[str, str]] = set()
        self._client = open_redis(url, POLL_TIMEOUT_S, 2)
        self._clock = ServerClock()
        self._living: dict[tuple[str, str], list[Announcement]] = {}
        self._counts: dict[str, int] = {}
        self._polling: asyncio.Task[None] | None = None

    def live(self, role: str, model: str) -> list[Announcement]:
        """The living workers of one fingerprint: of several the one whose worker started last. [] where none lives."""
        return self._living.get((role, model), [])

    def longest_query(self, model: str) -> int:
        """Characters of the longest query that a model was made for, as its newest worker says; 0: any, or nobody
        lives who could tell.
        """
        newest = self._newest(model)
        return newest.max_query_chars if newest else 0

    def calibration(self, model: str) -> Calibration | None:
        """What makes a model's logits probabilities, as its newest worker says; None where nobody says."""
        newest = self._newest(model)
        return read_calibration(newest.calibration) if newest else None

    def _newest(self, model: str) -> Announcement | None:
        return max(self.live("score", model), key=lambda one: one.started, default=None)

    def count(self, queue: str) -> int:
        """How many living workers announce this queue."""
        return self._counts.get(queue, 0)

    def server_time(self, moment: float) -> float:
        """A `time.monotonic()` moment on the reply server's clock, in seconds of the epoch."""
        return self._clock.at(moment)

    async def start(self) -> None:
        """Poll once, so that the first search knows, then every `BEAT_S`."""
        await self.poll()
        self._polling = asyncio.create_task(self._poll_on())

    async def close(self) -> None:
        await end(self._polling)
        await self._client.aclose()

    async def poll(self) -> None:
        """Read clock and announcements. Never raises; `reachable` says whether it worked."""
        try:
            async with asyncio.timeout(POLL_TIMEOUT_S):
                asked = time.monotonic()
                seconds, microseconds = await self._client.time()
                answered = time.monotonic()
                now = seconds + microseconds / 1e6
                pipeline = self._client.pipeline(transaction=False)
                for role, model in self.watched:
                    pipeline.zrangebyscore(workers_key(role, model), now - LIVE_S, "+inf")
                answers = await pipeline.execute() if self.watched else []
        except (RedisError, OSError, TimeoutError) as error:
            if self.reachable:
                log.warning("reply server unreachable", extra={"error": str(error)})
            self.reachable = False
            return
        self._clock.tell(now, asked, answered)
        self.reachable = True
        before, self._ids = self._ids, set()
        self._living, self._counts = {}, {}
        for pair, members in zip(self.watched, answers, strict=True):
            known = list({one.id: one for one in map(_announcement, members) if one}.values())
            for one in known:
                self._counts[one.queue] = self._counts.get(one.queue, 0) + 1
                self._ids.add((one.queue, one.id))
            newest = max(known, key=lambda one: one.started, default=None)
            self._living[pair] = [one for one in known if newest and one.fingerprint == newest.fingerprint]
        for queue in {queue for queue, _ in before - self._ids}:
            self.gone(queue)

    async def _poll_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.poll()


def _announcement(member: bytes) -> Announcement | None:
    try:
        return read_announcement(member)
    except ValueError:
        log.warning("announcement not understood")
        return None


def read_announcement(member: bytes) -> Announcement:
    """As the contract's, with every value of its type. Raises ValueError."""
    try:
        return msgspec.json.decode(member, type=Announcement)
    except RecursionError as error:
        raise ValueError("too deep") from error
