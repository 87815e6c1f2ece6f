"""The Redis servers: do they answer, may they evict what must stay, is there room, do their clocks agree with ours."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from redis.exceptions import RedisError

from connector.addresses import check_redis
from connector.credentials import without_passwords
from connector.doctor.finding import Finding, error, ok, warning
from connector.errors import ConfigError
from connector.servers import is_redis, open_redis
from connector.settings import Settings

WAIT_S = 2.0
OLDEST = (6, 2)  # the first version with all commands that we send
FULL = 0.9  # of maxmemory
SKEW_S = 2.0  # deadlines never suffer (all are on the reply server's clock), logs and certificates do


async def check(settings: Settings) -> list[Finding]:
    found = await check_server("cache", "redis.url", settings.redis.url)
    if is_redis(settings.broker.url):
        found += await check_server("broker", "broker.url", settings.broker.url)
        if _place(settings.broker.url) == _place(settings.redis.url):
            fix = "give each a server of its own: a cache should evict, a broker must not"
            found.append(warning("broker", "cache and broker are one server", fix))
    else:
        found.append(await asyncio.to_thread(check_amqp, settings.broker.url))
    return found


def check_amqp(url: str) -> Finding:
    """Whether an AMQP broker lets us in."""
    from kombu.connection import Connection

    try:
        with Connection(url, connect_timeout=WAIT_S) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
    except Exception as failed:  # the kinds differ by transport
        said = without_passwords(f"{type(failed).__name__}: {failed}")
        fix = "start the server, or correct broker.url with its user, password and virtual host"
        return error("broker", f"no answer ({said}): nothing is reranked", fix)
    return ok("broker", "answers")


async def check_server(about: str, key: str, url: str) -> list[Finding]:
    """`about` is "cache" or "broker"; `key` is the setting that names the server."""
    try:
        check_redis(key, url)
    except ConfigError as refused:
        return [error(about, str(refused), f"correct {key}")]
    client = open_redis(url, WAIT_S)
    try:
        asked = time.time()
        info: Mapping[str, Any] = await client.info()
        seconds, microseconds = await client.time()
        answered = time.time()
    except (RedisError, OSError) as failed:
        lost = "nothing is reranked" if about == "broker" else "scores are not cached and pages are not stable"
        fix = f"start the server, or correct {key}; of a stack that `secondpass up` started: --port 9280"
        return [error(about, f"no answer ({failed}): {lost}", fix)]
    finally:
        await client.aclose()
    skew = seconds + microseconds / 1e6 - (asked + answered) / 2
    return [*_memory(about, info), *check_clock(about, skew)]


def check_clock(about: str, skew_s: float) -> Iterator[Finding]:
    """`skew_s`: how far that machine's clock is ahead of this one's."""
    if abs(skew_s) > SKEW_S:
        where = "ahead of" if skew_s > 0 else "behind"
        fix = "let both machines take their time from the same source (NTP)"
        yield warning(about, f"its clock is {abs(skew_s):.1f} s {where} this machine's", fix)


def _memory(about: str, info: Mapping[str, Any]) -> Iterator[Finding]:
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    policy, limit = str(info.get("maxmemory_policy", "noeviction")), int(info.get("maxmemory", 0))
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:  # of "8.0-rc1", too
        yield error(about, f"version {version} is too old", f"use {'.'.join(map(str, OLDEST))} or newer")
    if about == "broker" and policy != "noeviction":
        fix = "CONFIG SET maxmemory-policy noeviction, and write it into the server's configuration"
        yield error(about, f"maxmemory-policy is {policy}: it may evict queued searches", fix)
    elif about == "cache" and policy == "noeviction" and limit:
        fix = "CONFIG SET maxmemory-policy allkeys-lru: a full cache then forgets what is oldest"
        yield warning(about, "has a memory limit and evicts nothing: when full it refuses new scores", fix)
    elif about == "cache" and not limit:
        fix = "set maxmemory (100 scores take about 10 KB) and maxmemory-policy allkeys-lru"
        yield warning(about, "has no memory limit", fix)
    else:
        yield ok(about, f"version {version}, {policy}")
    if limit and int(info.get("used_memory", 0)) > FULL * limit and policy == "noeviction":
        fix = "raise maxmemory, or lower broker.queue_max_mb"
        yield error(about, f"{int(info['used_memory']) / limit:.0%} of its memory is used", fix)


def _place(url: str) -> str:
    """Host and port of a URL, without user, database and options."""
    return url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0]
