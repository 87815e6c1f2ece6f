"""Default search pipelines: who is asked, how long a search waits for it, and what is remembered."""

import asyncio
from collections.abc import Callable

import pytest

from connector import pipelines
from connector.dialects.request import SearchRequest
from connector.engines.bodies import DIALECTS
from connector.errors import BodyTooLarge, EngineError
from connector.pipelines import KEPT_S, UNTOLD_S, DefaultPipelines
from connector.types import Call, Reply
from tests.connector.dialects.samples import read
from tests.connector.stage import until

NAMES = ("shop",)
THERE = b'{"shop-1":{"settings":{"index.search.default_pipeline":"mine"}}}'


def asked_by(name: str) -> SearchRequest:
    return read({"query": {"match": {"name": "rain"}}}, "/shop/_search", Authorization=name)


class Engine:
    """Tells `admin` alone, once `ready`."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.body = THERE
        self.calls: list[Call] = []
        self.pipelines = DefaultPipelines(self.fetch, lambda: DIALECTS["opensearch"])

    async def fetch(self, call: Call) -> Reply:
        self.calls.append(call)
        await self.ready.wait()
        caller = dict(call.headers)[b"Authorization"]
        if caller == b"nobody":
            raise EngineError("hangs up")
        return Reply(200, b"OK", [], self.body) if caller == b"admin" else Reply(403, b"Forbidden", [], b"{}")

    async def finds(self, caller: str) -> bool:
        return await self.pipelines.apply_to(asked_by(caller), NAMES)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for what is remembered, and for nothing else."""
    passed, monotonic = [0.0], pipelines.time.monotonic
    monkeypatch.setattr(pipelines, "time", type("Time", (), {"monotonic": lambda: monotonic() + passed[0]}))

    def wait(seconds: float) -> None:
        passed[0] += seconds

    return wait


async def test_the_engine_is_asked_once_for_the_same_names(later: Callable[[float], None]) -> None:
    engine = Engine()
    assert [await engine.finds("admin") for _ in range(3)] == [True] * 3
    assert await engine.finds("bob")
    assert b"local=true" in engine.calls[0].target
    later(KEPT_S + 1)
    engine.body = b'{"shop":{"settings":{"index.uuid":"u"}}}'
    assert await engine.finds("admin")  # what was told stands until the engine has told again
    await until(lambda: not engine.pipelines._asking, 10)
    assert not await engine.finds("admin")
    assert len(engine.calls) == 2


async def test_who_may_see_no_index_tells_nothing_of_them(later: Callable[[float], None]) -> None:
    engine = Engine()
    engine.body = b"{}"
    assert not await engine.finds("admin")
    engine.body = THERE
    later(UNTOLD_S + 1)
    assert await engine.finds("admin")


async def test_an_answer_that_is_too_long_is_none() -> None:
    async def fetch(call: Call) -> Reply:
        raise BodyTooLarge("settings of very many indices")

    known = DefaultPipelines(fetch, lambda: DIALECTS["opensearch"])
    assert [await known.apply_to(asked_by("admin"), NAMES) for _ in range(2)] == [False, False]
    assert len(known._untold) == 1


@pytest.mark.parametrize("refused", ["bob", "nobody"])
async def test_what_one_caller_is_not_told_binds_nobody_else(refused: str, later: Callable[[float], None]) -> None:
    engine = Engine()
    assert [await engine.finds(refused) for _ in range(3)] == [False] * 3
    assert len(engine.calls) == 1
    later(UNTOLD_S + 1)
    assert not await engine.finds(refused)
    assert len(engine.calls) == 2
    assert await engine.finds("admin")


async def test_a_slow_answer_is_waited_for_a_moment_and_by_nobody_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "WAIT_S", 0.01)
    engine = Engine()
    engine.ready.clear()
    assert await asyncio.gather(*(engine.finds("admin") for _ in range(5))) == [False] * 5
    assert not await engine.finds("admin")
    assert len(engine.calls) == 1
    engine.ready.set()
    await until(lambda: not engine.pipelines._asking, 10)
    assert await engine.finds("admin")
    assert len(engine.calls) == 1


async def test_what_was_told_stands_while_the_engine_is_slow(
    monkeypatch: pytest.MonkeyPatch, later: Callable[[float], None]
) -> None:
    monkeypatch.setattr(pipelines, "WAIT_S", 0.01)
    engine = Engine()
    assert await engine.finds("admin")
    later(KEPT_S + 1)
    engine.ready.clear()
    assert await engine.finds("admin")
    engine.ready.set()


async def test_questions_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "WAIT_S", 0.01)
    engine = Engine()
    engine.ready.clear()
    await asyncio.gather(*(engine.finds(f"caller {number}") for number in range(pipelines.ASKING + 5)))
    assert len(engine.calls) == pipelines.ASKING
    engine.ready.set()
