"""Sending replies. Rule: a reply goes to the list that its task names, which disappears when nobody reads it; a server
that cannot be reached costs the task at hand, never the worker.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from connector.contract import REPLIES, REPLY_TTL_S

SERVER_TIMEOUT_S = 2.0  # a frozen reply server must not hold a worker; the proxy has given up by then
log = logging.getLogger("secondpass.worker")


class ReplyLost(Exception):
    """Raised when a reply could not be pushed; the rest of its task is not worth computing."""


def connect(url: str) -> Redis:
    """A client of the reply server; Celery's spelling of a socket and its database is read too."""
    return Redis.from_url(
        url.replace("redis+socket://", "unix://").replace("virtual_host=", "db="),
        socket_timeout=SERVER_TIMEOUT_S,
        socket_connect_timeout=SERVER_TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),  # a connection that was closed meanwhile; more would hold the worker for seconds
    )


def reply_url(broker_url: str, redis_url: str) -> str:
    """The server of replies and announcements: the broker where it speaks Redis, else `redis.url`."""
    spoken = ("redis://", "rediss://", "unix://", "redis+socket://")
    return broker_url if broker_url.startswith(spoken) else redis_url


class Replies:
    """Pushes msgpack maps, on a connection of its own. The server's word on a push is read before the next one: to wait
    for it took longer than a light model takes to score.
    """

    def __init__(self, server: Redis) -> None:
        self._pool = server.connection_pool
        self._connection: Any = None
        self._unread = 0

    def push(self, key: str, replies: Sequence[Mapping[str, object]]) -> None:
        """Raises ReplyLost where the server is gone, refused the push before, or takes none, and for a key that is no
        list of replies: a task must not reach others.
        """
        if not key.startswith(REPLIES):
            raise ReplyLost(f"{key[:100]!r} is no list of replies")
        try:
            connection = self._ready()
            rows = ("RPUSH", key, *map(msgpack.packb, replies)), ("EXPIRE", key, REPLY_TTL_S)
            connection.send_packed_command(connection.pack_commands(rows), check_health=False)
            self._unread = len(rows)
        except (RedisError, OSError) as error:
            self._unread = 0
            if self._connection is not None:
                self._connection.disconnect()
            raise ReplyLost(str(error)) from error

    def _ready(self) -> Any:
        """The connection, with nothing left to read; it connects anew where the server closed it meanwhile."""
        if self._connection is None:
            self._connection = self._pool.get_connection()
        while self._unread:
            self._unread -= 1
            self._connection.read_response()
        try:
            stale = self._connection.can_read(0)
        except RedisError:
            stale = True
        if stale:
            self._connection.disconnect()
        return self._connection
