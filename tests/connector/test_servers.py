"""URLs as Celery users write them, and the servers that are refused."""

from collections.abc import Iterator

import pytest
import redis

from connector.broker import RedisBroker, open_broker
from connector.errors import ConfigError
from connector.servers import open_redis, redis_url, refuse_eviction, reply_url
from connector.settings import parse


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("redis://:secret@host:6380/3", "redis://:secret@host:6380/3"),
        ("redis+socket:///run/valkey.sock?virtual_host=2", "unix:///run/valkey.sock?db=2"),
        ("rediss://host?ssl_cert_reqs=CERT_REQUIRED", "rediss://host?ssl_cert_reqs=required"),
    ],
)
def test_spellings(written: str, read: str) -> None:
    assert redis_url(written) == read


@pytest.mark.parametrize("url", ["sentinel://a:26379", "redis+cluster://a", "http://a", "a"])
def test_what_is_no_single_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="redis"):
        redis_url(url)
    with pytest.raises(ConfigError, match="redis"):
        open_broker(url)


def test_replies_come_through_redis_whatever_the_broker_is() -> None:
    cache = {"url": "redis://cache"}
    assert reply_url(parse({"redis": cache, "broker": {"url": "redis+socket:///b"}})) == "redis+socket:///b"
    assert reply_url(parse({"redis": cache, "broker": {"url": "amqp://b"}})) == "redis://cache"
    assert isinstance(open_broker("unix:///b"), RedisBroker)


@pytest.fixture
def evicting_url(redis_url: str) -> Iterator[str]:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield redis_url
        client.config_set("maxmemory-policy", "noeviction")


async def test_a_broker_that_may_evict_queues_is_refused(evicting_url: str, valkey_url: str) -> None:
    with pytest.raises(ConfigError, match="noeviction"):
        await refuse_eviction(evicting_url)
    await refuse_eviction(valkey_url)
    await refuse_eviction("redis://127.0.0.1:1")


async def test_commands_of_several_words_and_large_values(valkey_url: str) -> None:
    client = open_redis(valkey_url, 5)
    try:
        await client.client_setname("secondpass")
        assert await client.client_getname() == "secondpass"
        await client.set("test_servers", b"\r\n" * 100_000, ex=5)
        assert await client.get("test_servers") == b"\r\n" * 100_000
    finally:
        await client.aclose()
