"""One connection for all who ask: each gets its own answers, and a failure is everybody's at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError, ResponseError

from connector.errors import RerankError
from connector.line import Line
from connector.servers import open_redis
from connector.store import Store
from connector.types import Reason
from tests.connector.stage import own_server, until


@pytest.fixture
async def line(valkey_url: str) -> AsyncIterator[Line]:
    client = open_redis(valkey_url, 5)
    line = await Line.connect(client.connection_pool.make_connection())  # type: ignore[no-untyped-call]
    yield line
    line.abort()
    await client.aclose()


async def test_answers_come_to_who_asked(line: Line) -> None:
    key = b"tests:line"
    asked = [line.ask([("SET", key, str(n)), ("GET", key)]) for n in range(50)]
    left = line.ask([("PING",)])
    left.cancel()
    last = line.ask([("HSET", key + b":hash", b"a", b"\x00\r\n", b"b", 7), ("HMGET", key + b":hash", b"a", b"b", b"c")])
    for n, answers in enumerate(await asyncio.gather(*asked)):
        assert answers == [b"OK", b"%d" % n]
    assert (await last)[1] == [b"\x00\r\n", b"7", None]


async def test_an_answer_of_many_pieces_is_whole(line: Line) -> None:
    large = bytes(range(256)) * 8192
    assert await line.ask([("SET", b"tests:large", large), ("GET", b"tests:large")]) == [b"OK", large]


async def test_a_refused_command_fails_alone(line: Line) -> None:
    refused, well = line.ask([("PING",), ("NONSENSE",)]), line.ask([("PING",)])
    with pytest.raises(ResponseError):
        await refused
    assert await well == [b"PONG"]


async def test_who_waits_learns_that_the_connection_is_gone(line: Line) -> None:
    waiting = [line.ask([("PING",)]) for _ in range(3)]
    line.abort()
    for one in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(one, RedisError)
    assert not line.open


async def test_a_short_wait_leaves_the_connection_to_the_others() -> None:
    with own_server() as server:
        store = Store(server.url, wait_s=5)
        try:
            await store.ask(("PING",))
            server.child.freeze()
            patient = asyncio.create_task(store.ask(("PING",)))
            with pytest.raises(RerankError) as error:
                await store.ask(("PING",), wait_s=0.02)
            assert error.value.reason is Reason.REDIS
            server.child.thaw()
            assert await patient == [b"PONG"]
        finally:
            await store.close()


async def test_a_server_that_comes_back_is_found_again_without_a_failure() -> None:
    with own_server() as server:
        store = Store(server.url, wait_s=5)
        try:
            await store.ask(("PING",))
            server.child.kill()
            server.start()
            await asyncio.sleep(0.05)
            assert await asyncio.gather(*(store.ask(("PING",)) for _ in range(4))) == [[b"PONG"]] * 4
            assert store.breaker.failures == 0
        finally:
            await store.close()


async def test_a_frozen_server_opens_the_breaker_and_a_thawed_one_closes_it() -> None:
    with own_server() as server:
        store = Store(server.url, wait_s=0.2)
        try:
            await store.ask(("PING",))
            server.child.freeze()
            for _ in range(3):
                with pytest.raises(RerankError):
                    await store.ask(("PING",))
            assert store.breaker.open
            server.child.thaw()
            await until(lambda: not store.breaker.open, 10)
            assert await store.ask(("PING",)) == [b"PONG"]
        finally:
            await store.close()


@pytest.mark.parametrize(("user", "works"), [("default:secret@", True), ("", False)])
async def test_a_password_and_a_database_are_those_of_the_url(user: str, works: bool) -> None:
    with own_server() as server:
        store = Store(server.url, wait_s=5)
        await store.ask(("CONFIG", "SET", "requirepass", "secret"))
        await store.close()
        known = Store(f"redis://{user}127.0.0.1:{server.port}/3", wait_s=5)
        try:
            if not works:
                with pytest.raises(RerankError):
                    await known.ask(("GET", b"key"))
                return
            await known.ask(("SET", b"key", b"in three"))
            assert b"db=3" in (await known.ask(("CLIENT", "INFO")))[0]
        finally:
            await known.close()
