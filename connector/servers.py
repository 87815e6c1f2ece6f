"""Redis servers by the URLs that Celery users write, with short timeouts and no retries: the callers' budgets are ours.

Anything that speaks the Redis protocol from 6.2 on will do (Valkey, Redis); sentinels and clusters are refused.
"""

import re
from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from connector.errors import ConfigError
from connector.settings import Settings

REDIS_URL = re.compile(r"^(redis|rediss|unix|redis\+socket)://")
CONNECT_S = 0.5


def is_redis(url: str) -> bool:
    return bool(REDIS_URL.match(url))


def redis_url(url: str) -> str:
    """Celery's spellings (redis+socket://, virtual_host, CERT_REQUIRED) as redis-py reads them. Raises ConfigError."""
    if not is_redis(url):
        raise ConfigError(f"{url.split('://')[0]}:// is not a single Redis server; use redis://, rediss:// or unix://")
    url = re.sub(r"^redis\+socket://", "unix://", url)
    url = re.sub(r"([?&])virtual_host=", r"\1db=", url)
    return re.sub(r"(ssl_cert_reqs=)CERT_(\w+)", lambda m: m[1] + m[2].lower(), url)


class _PackedInC(AbstractConnection):
    """redis-py's asyncio connections pack commands in Python: 0.25 ms for HMGET of 100 fields, 0.02 ms this way."""

    def pack_command(self, *args: Any) -> list[bytes]:
        name, *rest = args
        words = name.split() if isinstance(name, bytes) else name.encode().split()  # "CLIENT SETNAME"
        return [hiredis.pack_command((*words, *rest))]


class _Tcp(_PackedInC, Connection):
    pass


class _Tls(_PackedInC, SSLConnection):
    pass


class _Unix(_PackedInC, UnixDomainSocketConnection):
    pass


_FAST: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


def open_redis(url: str, timeout_s: float, connections: int = 64) -> "Redis":
    """A client whose every wait is bounded by `timeout_s`. Connects at its first command."""
    options: dict[str, Any] = dict(parse_url(redis_url(url)))
    pool = BlockingConnectionPool(
        connection_class=_FAST[options.pop("connection_class", Connection)],
        max_connections=connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(CONNECT_S, timeout_s),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **options,
    )
    return Redis.from_pool(pool)


def reply_url(settings: Settings) -> str:
    """Where replies and announcements are: the broker where it is a Redis server, else the cache's server."""
    return settings.broker.url if is_redis(settings.broker.url) else settings.redis.url


async def refuse_eviction(url: str) -> None:
    """Raises ConfigError where the server may evict keys: a queue, too, is a key. A server that cannot be asked now is
    let through.
    """
    client = open_redis(url, 2.0)
    try:
        policy = (await client.info("memory")).get("maxmemory_policy", "noeviction")
    except (RedisError, OSError):
        return
    finally:
        await client.aclose()
    if policy != "noeviction":
        raise ConfigError(
            f"broker.url: that server's maxmemory-policy is {policy}: it may evict queued searches. Set it to "
            "noeviction, or give broker and cache servers of their own"
        )
