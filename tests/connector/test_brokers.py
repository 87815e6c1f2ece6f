"""One suite, every broker: an ordinary Celery worker runs what we send, and what it answers comes back."""

import asyncio
import math
import time
from collections.abc import Iterator

import pytest

from connector.errors import RerankError
from connector.services import Services
from connector.settings import Settings
from connector.types import Reason, Scores, State
from tests.connector.stage import make_settings, opened, stub_worker
from tests.stub_worker import score, vector

TEXTS = [f"text {number}" for number in range(100)]


class BrokerContract:
    """Each broker's class gives the name of a URL fixture."""

    fixture = ""

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, request: pytest.FixtureRequest, valkey_url: str) -> Iterator[Settings]:
        broker = request.getfixturevalue(cls.fixture)
        settings = make_settings(broker, valkey_url, f"model-{cls.fixture}")
        reply = valkey_url if broker.startswith("amqp") else broker
        with (
            stub_worker(broker, reply, settings.model[0].name, fingerprint=cls.fixture),
            stub_worker(broker, reply, "default", role="embed", fingerprint=cls.fixture),
        ):
            yield settings

    async def test_scores_come_back_in_first_stage_order(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            scores = await rerank(services, settings, "a", TEXTS)
            assert (scores.state, scores.reason, scores.cached) == (State.APPLIED, None, 0)
            assert scores.logits == tuple(score("a", text) for text in TEXTS)

    async def test_many_callers_at_once(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            found = await asyncio.gather(*(rerank(services, settings, f"q{n}", TEXTS, 20) for n in range(32)))
            for number, scores in enumerate(found):
                assert scores.logits == tuple(score(f"q{number}", text) for text in TEXTS)

    async def test_a_request_that_the_worker_refuses_fails_alone(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            good, bad = await asyncio.gather(
                rerank(services, settings, "fine", TEXTS), rerank(services, settings, "refuse", TEXTS)
            )
            assert good.state is State.APPLIED
            assert (bad.state, bad.reason) == (State.FAILED, Reason.MODEL)

    async def test_text_of_any_script_and_half_a_surrogate(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            scores = await rerank(services, settings, "雨衣", ["防水外套", "half \ud83d of a smile", "zero \x00 byte"])
            assert scores.state is State.APPLIED
            assert scores.logits[0] == score("雨衣", "防水外套")
            assert scores.logits[1] == score("雨衣", "half ? of a smile")

    async def test_the_poison_text_is_unscored_and_asked_once(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            for cached in (0, 3):
                scores = await rerank(services, settings, "b", ["one", "poison", "three"])
                assert scores.state is State.APPLIED
                assert scores.cached == cached
                assert math.isnan(scores.logits[1] or 0)
                await services.rerank.close()

    async def test_vectors(self, settings: Settings) -> None:
        async with opened(settings, "embed") as services:
            assert list(await services.embedder.query_vector("hello", 5)) == vector("hello")
            texts = [f"document {number}" for number in range(150)]
            vectors = await services.embedder.documents(texts, 10)
            assert [list(one) for one in vectors] == [vector(text) for text in texts]
            with pytest.raises(RerankError) as caught:
                await services.embedder.documents(["fine", "poison"], 10)
            assert caught.value.reason is Reason.MODEL

    async def test_a_late_task_is_not_run(self, settings: Settings) -> None:
        async with opened(settings, "score") as services:
            worker = services.live.live("score", settings.model[0].name)[0]
            heard: list[bytes] = []
            services.dispatcher.replies._receive = heard.append
            for task, left_s in (("late", -1.0), ("in time", 60.0)):
                deadline = services.live.server_time(time.monotonic() + left_s)
                request = {"id": 0, "query": "c", "deadline": deadline, "chunks": [[0, ["text"]]]}
                payload = {"task": task, "reply": services.dispatcher.replies.key, "requests": [request]}
                await services.dispatcher.broker.send("secondpass.score", worker.queue, payload, left_s)
            await asyncio.sleep(1)
            scored = [reply for reply in heard if b"logits" in reply]
            assert any(b"in time" in reply for reply in scored)
            assert not any(b"late" in reply for reply in scored)

    async def test_clocks_may_differ(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = time.time
        monkeypatch.setattr(time, "time", lambda: clock() - 7200)
        async with opened(settings, "score") as services:
            assert (await rerank(services, settings, "d", TEXTS)).state is State.APPLIED


class TestValkey(BrokerContract):
    fixture = "broker_url"


class TestRedis(BrokerContract):
    fixture = "redis_url"


class TestRabbitMQ(BrokerContract):
    fixture = "rabbitmq_url"


async def rerank(services: Services, settings: Settings, query: str, texts: list[str], budget_s: float = 5) -> Scores:
    return await services.rerank.rerank(query, texts, settings.policy[0], settings.model[0], budget_s=budget_s)
