"""A score task: chunks in order across requests, each request by itself, nothing computed that is late."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pytest

from workers.batching import Batches
from workers.runtimes.base import DeviceLost
from workers.scorer import Floats, Pair, Scored, ScorerInfo, StubScorer, every
from workers.scoring import PUSH_S, BadPayload, Scoring
from workers.watchdog import Watchdog


class Counting:
    """A scorer in batches of two: the logit is the text's number; "poison" fails, "lost" loses the device."""

    info = ScorerInfo("fake", "fp32", "cpu", 512, "f" * 32)

    def __init__(self) -> None:
        self.scored: list[Pair] = []
        self.after: Callable[[], None] = lambda: None

    def stream(
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every, best: Sequence[int] = ()
    ) -> Iterator[Scored]:
        def forward(batch: list[int]) -> Floats:
            texts = [pairs[place][1] for place in batch]
            if "lost" in texts:
                raise DeviceLost("CUDA error")
            self.scored += [pairs[place] for place in batch]
            logits = np.array([float(text) for text in texts], np.float32)  # raises for "poison"
            self.after()
            return logits

        for batch, logits in Batches(16).run([8] * len(pairs), forward, wanted):
            yield Scored(batch, np.full(len(batch), np.nan, np.float32) if logits is None else logits)


class Replies(list[Mapping[str, object]]):
    """What was pushed, logits as lists."""

    def push(self, key: str, replies: Sequence[Mapping[str, object]]) -> None:
        assert key == "list"
        for reply in replies:
            assert reply["task"] == "t"
            data = reply.get("logits")
            self.append({**reply, "logits": np.frombuffer(data, "<f4").tolist()} if isinstance(data, bytes) else reply)

    def of(self, request: int) -> list[tuple[object, object]]:
        return [
            (one.get("chunk"), one.get("logits", one.get("reason"))) for one in self if one.get("request") == request
        ]


def payload(*requests: object) -> dict[str, object]:
    return {"task": "t", "reply": "list", "requests": list(requests)}


def request(number: int, *chunks: list[str], deadline: float = 10.0) -> dict[str, object]:
    return {
        "id": number,
        "query": f"q{number}",
        "deadline": deadline,
        "chunks": [list(one) for one in enumerate(chunks)],
    }


@pytest.fixture
def scorer() -> Counting:
    return Counting()


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def scoring(scorer: Counting) -> Scoring:
    return Scoring(scorer, Watchdog(60), lambda: 0.0)


def test_chunks_are_scored_by_number_across_requests(scoring: Scoring, scorer: Counting, replies: Replies) -> None:
    scoring.run(payload(request(1, ["1", "2", "3"], ["4"]), request(2, ["5"], ["6"], ["7"])), replies.push)
    assert [text for _, text in scorer.scored] == ["1", "2", "3", "5", "4", "6", "7"]
    assert replies.of(1) == [(0, [1, 2, 3]), (1, [4])]
    assert replies.of(2) == [(0, [5]), (1, [6]), (2, [7])]
    assert replies[-1]["done"] is True
    assert replies[-1]["ms"] > 0  # type: ignore[operator]


def test_a_chunk_is_answered_as_soon_as_it_is_complete(scoring: Scoring, scorer: Counting, replies: Replies) -> None:
    seen: list[int] = []

    def compute() -> None:
        time.sleep(2 * PUSH_S)
        seen.append(len(replies))

    scorer.after = compute
    scoring.run(payload(request(1, ["1", "2"], ["3", "4"])), replies.push)
    assert seen == [0, 1]


def test_a_late_request_costs_nothing(scoring: Scoring, scorer: Counting, replies: Replies) -> None:
    scoring.run(payload(request(1, ["1"], deadline=-1.0), request(2, ["2"])), replies.push)
    assert scorer.scored == [("q2", "2")]
    assert replies.of(1) == [(None, "timeout")]
    assert replies.of(2) == [(0, [2])]


def test_deadlines_are_looked_at_between_batches(scorer: Counting, replies: Replies) -> None:
    clock = [0.0]
    scorer.after = lambda: clock.append(clock[-1] + 1)
    scoring = Scoring(scorer, Watchdog(60), lambda: clock[-1])
    scoring.run(
        payload(request(1, ["1", "2"], ["3", "4", "5", "6"], deadline=1.5), request(2, ["7", "8"])), replies.push
    )
    assert replies.of(1) == [(0, [1, 2]), (None, "timeout")]
    assert replies.of(2) == [(0, [7, 8])]
    assert ("q1", "5") not in scorer.scored


def test_poison_is_nan_and_harms_no_other(scoring: Scoring, replies: Replies) -> None:
    scoring.run(payload(request(1, ["1", "poison", "3"]), request(2, ["4"])), replies.push)
    ((_, logits),) = replies.of(1)
    assert np.isnan(logits[1])  # type: ignore[index]
    assert (logits[0], logits[2]) == (1, 3)  # type: ignore[index]
    assert replies.of(2) == [(0, [4])]


@pytest.mark.parametrize(
    "broken",
    [
        {"id": 9, "query": 5, "deadline": 10.0, "chunks": [[0, ["1"]]]},
        {"id": 9, "query": "q", "deadline": None, "chunks": [[0, ["1"]]]},
        {"id": 9, "query": "q", "deadline": 10.0, "chunks": [[0, [7]]]},
        {"id": 9, "query": "q", "deadline": 10.0, "chunks": "no"},
        {"id": 9, "query": "q", "deadline": 10.0, "chunks": [[float("inf"), ["1"]]]},
        {"id": 9, "query": "q", "deadline": 10.0, "chunks": [[[0], ["1"]]]},
        {"id": 9},
    ],
)
def test_a_broken_request_fails_alone(broken: object, scoring: Scoring, replies: Replies) -> None:
    scoring.run(payload(broken, request(2, ["2"])), replies.push)
    assert replies.of(9) == [(None, "model")]
    assert replies.of(2) == [(0, [2])]


@pytest.mark.parametrize(
    "broken", [None, 5, [], {}, {"task": "t", "reply": 1, "requests": []}, {"task": "t", "reply": "list"}]
)
def test_a_broken_task_is_refused_whole(broken: object, scoring: Scoring, replies: Replies) -> None:
    with pytest.raises(BadPayload):
        scoring.run(broken, replies.push)
    assert not replies


def test_requests_that_are_no_maps_are_left_out(scoring: Scoring, replies: Replies) -> None:
    scoring.run(payload(5, None, "x", request(2, ["2"])), replies.push)
    assert [one.get("request") for one in replies] == [2, None]


def test_an_empty_chunk_is_answered(scoring: Scoring, replies: Replies) -> None:
    scoring.run(payload(request(1, [], ["1"])), replies.push)
    assert replies.of(1) == [(0, []), (1, [1])]


def test_a_lost_device_is_said_to_everyone_who_still_waits(scoring: Scoring, replies: Replies) -> None:
    with pytest.raises(DeviceLost):
        scoring.run(payload(request(1, ["1"]), request(2, ["2"], ["lost"]), request(3, ["3"], ["4"])), replies.push)
    assert replies.of(1) == [(0, [1])]
    assert replies.of(2) == [(0, [2]), (None, "model")]
    assert replies.of(3) == [(0, [3]), (None, "model")]
    assert replies[-1]["done"] is True


def test_the_stub_serves_too(replies: Replies) -> None:
    Scoring(StubScorer(), Watchdog(60), lambda: 0.0).run(payload(request(1, ["q1", "other"])), replies.push)
    assert replies.of(1) == [(0, [4, -4])]
