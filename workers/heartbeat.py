"""Saying that a worker lives. Rule: a worker is announced only while it can take tasks; it begins when the model is
loaded and warm and Celery consumes, and ends before the process does.
"""

import json
import logging
import threading

from redis import Redis
from redis.exceptions import ReadOnlyError, RedisError

from connector.contract import BEAT_S, LIVE_S, Announcement, read_announcement, workers_key
from workers.clock import Clock

FORGOTTEN_S = 20 * LIVE_S  # members older than this are swept; a shorter time would only cost writes
log = logging.getLogger("secondpass.worker")


class Heartbeat:
    """A thread that announces one worker every BEAT_S, through any outage of the server."""

    def __init__(self, server: Redis, clock: Clock, announcement: Announcement) -> None:
        self.server, self.clock = server, clock
        self.key = workers_key(announcement.role, announcement.model)
        self.member = json.dumps(announcement.as_dict(), sort_keys=True)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._reached = True

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        """Have the announcement taken back, without waiting (a signal handler may call this)."""
        self._ended.set()

    def join(self) -> None:
        """Wait until it is taken back, or the server was found gone."""
        if self._thread.ident is not None:
            self._thread.join(timeout=2 * LIVE_S)

    def beat(self) -> None:
        """Announce once. Raises RedisError."""
        now = self.clock.set(self.server)
        with self.server.pipeline(transaction=False) as pipe:
            pipe.zadd(self.key, {self.member: now})
            pipe.zremrangebyscore(self.key, "-inf", now - FORGOTTEN_S)
            pipe.expire(self.key, int(FORGOTTEN_S))
            pipe.execute()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.beat()
                if not self._reached:
                    log.info("announcing again")
                self._reached = True
            except RedisError as error:
                if isinstance(error, ReadOnlyError):  # a replica now: the same address may lead to its successor
                    self.server.connection_pool.disconnect()
                if self._reached:
                    log.warning("not announced: %s", error)
                self._reached = False
            self._ended.wait(BEAT_S)
        try:
            self.server.zrem(self.key, self.member)
        except RedisError as error:  # the age of its last beat will tell
            log.warning("announcement not removed: %s", error)


def living(server: Redis, clock: Clock, role: str, model: str) -> list[Announcement]:
    """Announcements of the workers that live now. Raises RedisError."""
    oldest = clock.set(server) - LIVE_S
    members: list[bytes] = server.zrangebyscore(workers_key(role, model), oldest, "+inf")  # type: ignore[assignment]
    found = []
    for member in members:
        try:
            found.append(read_announcement(member))
        except (TypeError, ValueError):
            log.warning("announcement not understood")
    return found
