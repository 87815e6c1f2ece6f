"""Sending replies. Rule: a reply goes to the list that its task names, which disappears when nobody reads it; a server
that cannot be reached costs the task at hand, never the worker.
"""

import logging
from collections.abc import Mapping, Sequence

import msgpack  # type: ignore[import-untyped]
from redis import Redis
from redis.exceptions import RedisError

from connector.contract import REPLY_TTL_S

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
        health_check_interval=0,
    )


def reply_url(broker_url: str, redis_url: str) -> str:
    """The server of replies and announcements: the broker where it speaks Redis, else `redis.url`."""
    spoken = ("redis://", "rediss://", "unix://", "redis+socket://")
    return broker_url if broker_url.startswith(spoken) else redis_url


class Replies:
    """Pushes msgpack maps."""

    def __init__(self, server: Redis) -> None:
        self.server = server

    def push(self, key: str, replies: Sequence[Mapping[str, object]]) -> None:
        """One round trip. Raises ReplyLost."""
        try:
            with self.server.pipeline(transaction=False) as pipe:
                pipe.rpush(key, *map(msgpack.packb, replies))
                pipe.expire(key, REPLY_TTL_S)
                pipe.execute()
        except RedisError as error:
            raise ReplyLost(str(error)) from error
