"""How work becomes tasks: few in flight, many requests in each, everybody's turn, nothing late, nothing without end."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator

import msgpack
import pytest

from connector import breaker, dispatch, metrics
from connector.broker import MemoryBroker
from connector.contract import Announcement
from connector.dispatch import GRACE_S, Dispatcher
from connector.errors import RerankError
from connector.live import Live
from connector.reading import Reading
from connector.types import Reason
from connector.work import ScoreWork
from tests.connector.stage import until

WORKER = Announcement("w1", "score", "m", "f" * 32, "queue", "stub", "fp32", 256)
EMBEDDER = Announcement("w2", "embed", "default", "e" * 32, "queue", "stub", "fp32", 256, dims=2)


class Living(Live):
    """A list of workers that nobody polls."""

    def __init__(self, workers: int) -> None:
        super().__init__("redis://127.0.0.1:1", [])
        self._counts = {WORKER.queue: workers}


class Bench:
    """A dispatcher whose tasks the test answers by hand."""

    def __init__(self, workers: int = 1, most_pairs: int = 256, most_bytes: int = 1_000_000) -> None:
        self.broker = MemoryBroker()
        self.dispatcher = Dispatcher(
            self.broker, Living(workers), "redis://127.0.0.1:1", most_pairs=most_pairs, most_bytes=most_bytes
        )

    def ask(self, query: str, *chunks: int, within: float = 5.0) -> "asyncio.Task[ScoreWork]":
        wanted = [(number, ["text"] * count) for number, count in enumerate(chunks)]
        return asyncio.create_task(self.dispatcher.score(WORKER, query, wanted, time.monotonic() + within))

    def sent(self) -> list[list[tuple[str, list[int]]]]:
        """Each task as [(query, chunk numbers), ...]."""
        return [
            [(request["query"], [number for number, _ in request["chunks"]]) for request in payload["requests"]]
            for _, payload in self.broker.sent
        ]

    def say(self, task: int, **reply: object) -> None:
        self.dispatcher.receive(msgpack.packb({"task": self.broker.sent[task][0].id, **reply}))

    def answer(self, task: int, ms: float = 1.0) -> None:
        """Every chunk of a task, then "done"."""
        for request in self.broker.sent[task][1]["requests"]:
            for number, texts in request["chunks"]:
                self.say(
                    task, request=request["id"], chunk=number, logits=struct.pack(f"<{len(texts)}f", *[1] * len(texts))
                )
        self.say(task, done=True, ms=ms)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.dispatcher.close()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_while_a_task_flies_joins_the_next(bench: Bench) -> None:
    asked = [bench.ask("a", 1)]
    await settle()
    assert bench.sent() == [[("a", [0])]]
    asked += [bench.ask(query, 1) for query in "bcd"]
    await settle()
    bench.answer(0)
    await settle()
    assert bench.sent()[1:] == [[("b", [0]), ("c", [0]), ("d", [0])]]
    bench.answer(1)
    for work in await asyncio.gather(*asked):
        assert work.logits == {0: (1.0,)}
    assert bench.dispatcher.bytes == 0


async def test_as_many_tasks_in_flight_as_workers_live() -> None:
    bench = Bench(workers=3)
    asked = [bench.ask(query, 1) for query in "abcde"]
    await settle()
    assert bench.sent() == [[("a", [0]), ("b", [0])], [("c", [0]), ("d", [0])], [("e", [0])]]
    asked.append(bench.ask("f", 1))
    await settle()
    assert len(bench.sent()) == 3
    for task in asked:
        task.cancel()


async def test_callers_woken_together_share_the_next_task(bench: Bench) -> None:
    async def one_after_the_other(name: str) -> None:
        for number in range(2):
            await bench.ask(f"{name}{number}", 1)

    asked = asyncio.gather(*map(one_after_the_other, "ab"))
    await settle()
    bench.answer(0)
    await settle()
    assert bench.sent() == [[("a0", [0]), ("b0", [0])], [("a1", [0]), ("b1", [0])]]
    bench.answer(1)
    await asked


async def test_callers_share_a_task_by_turns(bench: Bench) -> None:
    bench.dispatcher.most_pairs = 4
    first = bench.ask("first", 1)
    await settle()
    long, short = bench.ask("long", 1, 1, 1, 1, 1), bench.ask("short", 1, 1)
    await settle()
    bench.answer(0)
    await settle()
    assert bench.sent()[1] == [("long", [0, 1]), ("short", [0, 1])]
    bench.answer(1)
    await asyncio.gather(first, short)
    await settle()
    assert bench.sent()[2] == [("long", [2, 3, 4])]
    bench.answer(2)
    assert sorted((await long).logits) == [0, 1, 2, 3, 4]


async def test_what_came_before_the_deadline_counts(bench: Bench) -> None:
    asked = bench.ask("a", 2, 2, within=0.1)
    await settle()
    bench.say(0, request=1, chunk=0, logits=struct.pack("<2f", 1.5, -2))
    work = await asked
    assert work.logits == {0: (1.5, -2.0)}
    assert work.finished.result() is Reason.TIMEOUT


async def test_a_request_whose_time_is_over_is_not_sent(bench: Bench) -> None:
    first = bench.ask("first", 1)
    await settle()
    late = bench.ask("late", 1, within=0.05)
    assert (await late).finished.result() is Reason.TIMEOUT
    bench.answer(0)
    await first
    await settle()
    assert bench.sent() == [[("first", [0])]]
    assert bench.dispatcher.bytes == 0


async def test_a_place_is_free_again_though_nobody_says_done(bench: Bench) -> None:
    lost = bench.ask("lost", 1, within=0.05)
    await lost
    waits = bench.ask("waits", 1)
    await settle()
    assert len(bench.sent()) == 1
    await asyncio.sleep(GRACE_S + 0.1)
    assert bench.sent()[1:] == [[("waits", [0])]]
    bench.answer(1)
    await waits


async def test_a_place_is_free_again_when_a_worker_is_gone(bench: Bench) -> None:
    lost = bench.ask("lost", 1, within=25)
    await settle()
    waiting = bench.ask("waiting", 1)
    await settle()
    bench.dispatcher.live.gone("another queue")
    await settle()
    assert len(bench.sent()) == 1
    bench.dispatcher.live.gone(WORKER.queue)
    await settle()
    assert bench.sent()[1:] == [[("waiting", [0])]]
    bench.answer(0)  # the worker lived after all
    bench.answer(1)
    assert [work.logits for work in await asyncio.gather(lost, waiting)] == [{0: (1.0,)}] * 2


async def test_a_slow_worker_gets_small_tasks(bench: Bench) -> None:
    long = bench.ask("long", *[32] * 12)
    await settle()
    assert bench.sent()[0] == [("long", list(range(8)))]  # 256 pairs: nothing is known yet
    bench.answer(0, ms=1600.0)
    await settle()
    assert bench.sent()[1] == [("long", [8, 9])]  # at 160 pairs a second 64 take 0.4 s
    bench.answer(1, ms=10.0)
    await settle()
    assert bench.sent()[2] == [("long", [10, 11])]
    bench.answer(2)
    assert len((await long).logits) == 12


async def test_a_caller_who_leaves_takes_his_waiting_chunks_along(bench: Bench) -> None:
    first = bench.ask("first", 1)
    await settle()
    gone = bench.ask("gone", 1)
    await settle()
    gone.cancel()
    await settle()
    bench.answer(0)
    await first
    await settle()
    assert len(bench.sent()) == 1
    assert bench.dispatcher.bytes == 0


async def test_an_error_reply_ends_its_request_alone(bench: Bench) -> None:
    first = bench.ask("first", 1)
    await settle()
    good, bad = bench.ask("good", 1), bench.ask("bad", 1)
    await settle()
    bench.answer(0)
    await settle()
    number = next(one["id"] for one in bench.broker.sent[1][1]["requests"] if one["query"] == "bad")
    bench.say(1, request=number, error="boom", reason="model")
    bench.answer(1)
    assert (await bad).finished.result() is Reason.MODEL
    assert (await good).logits == {0: (1.0,)}
    await first


async def test_a_score_without_its_passage_is_no_score_where_passages_were_asked_for(bench: Bench) -> None:
    asked = asyncio.create_task(
        bench.dispatcher.score(
            WORKER, "q", [(0, ["a", "b"])], time.monotonic() + 5, reading=Reading(best=2, max_tokens=256)
        )
    )
    await settle()
    assert bench.broker.sent[0][1]["requests"][0]["passages"] == 2
    logits = struct.pack("<2f", 1, 2)
    bench.say(0, request=1, chunk=0, logits=logits)  # as a worker of an older version answers
    bench.say(0, request=1, chunk=0, logits=logits, spans=struct.pack("<2I", 0, 1))
    assert not asked.done()
    bench.say(0, request=1, chunk=0, logits=logits, spans=struct.pack("<4I", 0, 1, 5, 9))
    assert (await asked).spans == {0: ((0, 1), (5, 9))}


async def test_long_documents_fill_a_task_by_their_passages(bench: Bench) -> None:
    first = bench.ask("first", 1)
    await settle()
    reading, deadline = Reading(best=1, max_tokens=128), time.monotonic() + 5
    long = [
        asyncio.create_task(
            bench.dispatcher.score(WORKER, f"long{number}", [(0, ["x" * 50_000])], deadline, reading=reading)
        )
        for number in range(5)
    ]
    await settle()
    bench.answer(0)
    await first
    await settle()
    assert [query for query, _ in bench.sent()[1]] == ["long0", "long1", "long2", "long3"]  # of 64 passages each
    for one in long:
        one.cancel()


async def test_without_a_living_worker_nothing_is_sent() -> None:
    bench = Bench(workers=0)
    with pytest.raises(RerankError) as caught:
        await bench.ask("a", 1)
    assert caught.value.reason is Reason.NO_WORKER
    assert bench.broker.sent == []


async def test_bytes_that_wait_are_bounded() -> None:
    bench = Bench(most_bytes=1002)
    fits = bench.ask("a", 200, 50)  # 250 texts of 4 bytes, and the query with each chunk
    await settle()
    with pytest.raises(RerankError) as caught:
        await bench.ask("b", 1)
    assert caught.value.reason is Reason.OVERLOAD
    bench.answer(0)
    await fits
    assert bench.dispatcher.bytes == 0
    with pytest.raises(RerankError) as caught:
        await bench.ask("a query that is longer than all" * 40, 1)
    assert caught.value.reason is Reason.OVERLOAD


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xc1",
        b"not msgpack",
        b"\x91" * 100_000 + b"\x01",
        msgpack.packb([1, 2]),
        msgpack.packb({"task": ["x"], "done": True}),
        msgpack.packb({"request": 1}),
        msgpack.packb({"request": "1", "chunk": 0, "logits": b"\0" * 4}),
        msgpack.packb({"request": 1, "chunk": 7, "logits": b"\0" * 4}),
        msgpack.packb({"request": 1, "chunk": [0], "logits": b"\0" * 4}),
        msgpack.packb({"request": 1, "chunk": 0, "logits": b"\0" * 5}),
        msgpack.packb({"request": 1, "chunk": 0, "logits": "text"}),
        msgpack.packb({"request": 2**63, "done": True, "task": "nobody's"}),
    ],
)
async def test_garbage_among_the_replies_harms_nobody(bench: Bench, garbage: bytes) -> None:
    asked = bench.ask("a", 1)
    await settle()
    bench.dispatcher.receive(garbage)
    bench.answer(0)
    assert (await asked).logits == {0: (1.0,)}


async def test_three_timeouts_open_the_breaker_unless_the_callers_were_impatient(bench: Bench) -> None:
    async def late(patient: bool) -> None:
        await bench.dispatcher.score(WORKER, "q", [(0, ["text"])], time.monotonic() + 0.01, patient=patient)

    for _ in range(4):
        await late(patient=False)
    for _ in range(3):
        assert not bench.dispatcher.lanes["queue"].breaker.open
        await late(patient=True)
    with pytest.raises(RerankError) as caught:
        await late(patient=True)
    assert caught.value.reason is Reason.BREAKER


async def test_a_queue_without_workers_is_no_lane_any_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PROBE_S", 0.01)
    monkeypatch.setattr(dispatch, "GRACE_S", 0.0)
    for _ in range(3):
        await bench.ask("lost", 1, within=0.01)
    assert bench.dispatcher.lanes["queue"].breaker.open
    assert ("queue",) in metrics.BREAKER._metrics
    bench.dispatcher.live._counts = {}
    await until(lambda: not bench.dispatcher.lanes, 10)
    await until(lambda: ("queue",) not in metrics.BREAKER._metrics, 10)
    with pytest.raises(RerankError) as caught:
        await bench.ask("a", 1)
    assert caught.value.reason is Reason.NO_WORKER


async def test_queries_and_documents_have_queues_of_their_own(bench: Bench) -> None:
    async def embed(kind: str) -> list[list[float]]:
        work = await bench.dispatcher.embed(EMBEDDER, kind, ["one", "two"], time.monotonic() + 5)
        return [list(vector) for vector in work.vectors]

    asked = [asyncio.create_task(embed(kind)) for kind in ("query", "document")]
    await settle()
    assert [message.queue.rpartition(".")[2] for message, _ in bench.broker.sent] == ["query", "document"]
    for task, (_, payload) in enumerate(bench.broker.sent):
        bench.say(task, request=payload["id"], vectors=struct.pack("<4f", 1, 2, 3, 4), dims=2, done=True)
    assert await asyncio.gather(*asked) == [[[1, 2], [3, 4]], [[1, 2], [3, 4]]]
