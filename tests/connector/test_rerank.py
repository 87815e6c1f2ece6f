"""The rerank step: what it asks for, what it makes of what comes, and that it neither raises nor waits too long."""

import asyncio
import math
import time
from collections.abc import Iterator

import pytest

from connector.depth import settled
from connector.reading import Reading
from connector.rerank import _chunks, _steps
from connector.settings import Settings
from connector.types import Reason, State
from tests.connector.stage import make_settings, opened, stub_worker, until
from tests.stub_worker import score

TEXTS = [f"text {number}" for number in range(100)]


@pytest.fixture(scope="module")
def settings(broker_url: str, valkey_url: str) -> Iterator[Settings]:
    settings = make_settings(broker_url, valkey_url, "model-rerank")
    with stub_worker(broker_url, broker_url, "model-rerank"):
        yield settings


async def test_the_second_time_all_come_from_the_cache_and_a_changed_text_is_the_only_miss(settings: Settings) -> None:
    policy, model = settings.policy[0], settings.model[0]
    async with opened(settings, "score") as services:
        query = f"same {time.time()}"
        first = await services.rerank.rerank(query, TEXTS, policy, model, budget_s=10)
        await services.rerank.close()
        again = await services.rerank.rerank(query, TEXTS, policy, model, budget_s=10)
        assert (first.state, first.cached, again.cached) == (State.APPLIED, 0, 100)
        assert first.logits == again.logits
        changed = [*TEXTS[:42], "another", *TEXTS[43:]]
        third = await services.rerank.rerank(query, changed, policy, model, budget_s=10)
        assert (third.state, third.cached) == (State.APPLIED, 99)
        assert third.logits[42] == score(query, "another")


async def test_a_settled_top_ends_the_scoring_at_the_same_depth_with_and_without_a_cache(settings: Settings) -> None:
    policy, model = settings.policy[0].model_copy(update={"stop_margin": 0.3}), settings.model[0]
    query = f"settled {time.time()}"
    depth = next(end for end in (32, 64, 96, 100) if settled([score(query, text) for text in TEXTS[:end]], 0.3))
    async with opened(settings, "score") as services:
        first = await services.rerank.rerank(query, TEXTS, policy, model, budget_s=10)
        assert (first.state, first.depth, first.cached) == (State.APPLIED, depth, 0)
        assert first.logits == (*(score(query, text) for text in TEXTS[:depth]), *[None] * (100 - depth))
        await services.rerank.close()
        whole = await services.rerank.rerank(query, TEXTS, settings.policy[0], model, budget_s=10)
        assert (whole.state, whole.depth, whole.cached) == (State.APPLIED, 100, depth)
        await services.rerank.close()
        again = await services.rerank.rerank(query, TEXTS, policy, model, budget_s=10)
        assert (again.logits, again.cached) == (first.logits, depth)


async def test_another_template_or_passage_rule_is_another_score(settings: Settings) -> None:
    policy, model = settings.policy[0], settings.model[0]
    async with opened(settings, "score") as services:
        query = f"rules {time.time()}"
        for rule in ({}, {"template": "{name}"}, {"passages": "max"}):
            scores = await services.rerank.rerank(query, TEXTS[:3], policy.model_copy(update=rule), model, budget_s=10)
            assert (scores.state, scores.cached) == (State.APPLIED, 0)
            await services.rerank.close()


async def test_passages_come_with_their_scores_from_worker_and_cache(settings: Settings) -> None:
    policy, model = settings.policy[0].model_copy(update={"passages": "mean:2"}), settings.model[0]
    async with opened(settings, "score") as services:
        query, texts = f"passages {time.time()}", ["one", "poison", "", "one", "three"]
        first = await services.rerank.rerank(query, texts, policy, model, budget_s=10)
        spans = [found and (found.start, found.end) for found in first.passages]
        assert spans == [(0, 3), (0, 6), None, (0, 3), (0, 5)]
        assert first.passages[0] is not None
        assert first.passages[0].mark == services.keys.texts([b"one"])[0]
        await services.rerank.close()
        again = await services.rerank.rerank(query, texts, policy, model, budget_s=10)
        assert again.cached == 4
        assert again.passages[0] == first.passages[0]


def test_a_long_document_counts_as_the_pairs_it_will_be() -> None:
    texts = ["a", "x" * 100_000, "b", "c", "x" * 100_000, "d"]
    fields = [bytes([number]) for number in range(6)]
    missing = dict(zip(fields, texts, strict=True))

    def asked(pairs: list[int], apart: bool = False) -> list[tuple[int, dict[int, list[bytes]]]]:
        return list(_steps(fields, _chunks(pairs, 4), missing, apart))

    assert asked([1] * 6) == [(6, {0: fields[:4], 1: fields[4:]})]
    assert asked([1] * 6, apart=True) == [(4, {0: fields[:4]}), (6, {1: fields[4:]})]
    pairs = [Reading(1, 128).pairs(text) for text in texts]
    assert asked(pairs) == [(6, {0: fields[:2], 16: fields[2:5], 32: fields[5:]})]
    del missing[fields[1]]  # a cached one leaves the others in their chunks
    assert asked(pairs) == [(6, {0: fields[:1], 16: fields[2:5], 32: fields[5:]})]


async def test_a_worker_with_other_weights_gets_everything_again(broker_url: str, valkey_url: str) -> None:
    settings = make_settings(broker_url, valkey_url, "model-retrained")
    policy, model = settings.policy[0], settings.model[0]
    query = f"retrained {time.time()}"
    async with opened(settings) as services:
        for fingerprint in ("1" * 32, "2" * 32):
            with stub_worker(broker_url, broker_url, "model-retrained", fingerprint=fingerprint):
                await until(
                    lambda wanted=fingerprint: [  # type: ignore[misc]
                        one for one in services.live.live("score", model.name) if one.fingerprint == wanted
                    ],
                    60,
                )
                scores = await services.rerank.rerank(query, TEXTS, policy, model, budget_s=10)
                assert (scores.state, scores.cached) == (State.APPLIED, 0)
                await services.rerank.close()


async def test_empty_texts_are_not_sent_and_repeated_ones_once(settings: Settings) -> None:
    policy, model = settings.policy[0], settings.model[0]
    async with opened(settings, "score") as services:
        query = f"empty {time.time()}"
        scores = await services.rerank.rerank(query, ["a", "", " \n", "b", "a"], policy, model, budget_s=10)
        assert scores.state is State.APPLIED
        assert [math.isnan(logit or 0) for logit in scores.logits] == [False, True, True, False, False]
        assert scores.logits[0] == scores.logits[4] == score(query, "a")
        nothing = await services.rerank.rerank(query, ["", " "], policy, model, budget_s=10)
        assert (nothing.state, nothing.reason) == (State.FAILED, Reason.NO_TEXT)


async def test_a_deadline_keeps_the_best_candidates(broker_url: str, valkey_url: str) -> None:
    settings = make_settings(broker_url, valkey_url, "model-slow", chunk=10, budget_ms=700)
    policy, model = settings.policy[0], settings.model[0]
    with stub_worker(broker_url, broker_url, "model-slow", delay_ms=200):
        async with opened(settings, "score") as services:
            began = time.monotonic()
            scores = await services.rerank.rerank(f"slow {began}", TEXTS, policy, model, budget_s=0.7)
            assert 0.65 < time.monotonic() - began < 0.9
            assert (scores.state, scores.reason) == (State.PARTIAL, Reason.TIMEOUT)
            came = [number for number, logit in enumerate(scores.logits) if logit is not None]
            assert came == list(range(len(came)))
            assert len(came) in (10, 20, 30)
            await asyncio.sleep(1)
            nothing = await services.rerank.rerank(f"short {began}", TEXTS, policy, model, budget_s=0.1)
            assert (nothing.state, nothing.reason) == (State.FAILED, Reason.TIMEOUT)
            assert nothing.logits == (None,) * 100
            assert not any(lane.breaker.failures for lane in services.dispatcher.lanes.values())


async def test_without_a_worker_it_fails_at_once_and_sends_nothing(valkey_url: str, broker_url: str) -> None:
    settings = make_settings(broker_url, valkey_url, "model-nobody")
    async with opened(settings) as services:
        before = (await services.live._client.info("memory"))["used_memory"]
        began = time.monotonic()
        for number in range(1000):
            scores = await services.rerank.rerank(
                f"q{number}", TEXTS, settings.policy[0], settings.model[0], budget_s=1
            )
            assert (scores.state, scores.reason) == (State.FAILED, Reason.NO_WORKER)
        assert time.monotonic() - began < 2
        assert (await services.live._client.info("memory"))["used_memory"] - before < 1_000_000


async def test_whatever_breaks_inside_is_a_stated_failure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(settings, "score") as services:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(services.dispatcher, "score", broken)
        scores = await services.rerank.rerank(
            f"broken {time.time()}", TEXTS, settings.policy[0], settings.model[0], budget_s=1
        )
        assert (scores.state, scores.reason) == (State.FAILED, Reason.ERROR)
