"""Answers are kept as they come: a killed run goes on, and only what can be used counts as known."""

import asyncio
from pathlib import Path

import pytest

from connector.client import SearchError
from connector.errors import EngineRefused, SecondpassError
from connector.evaluation.answers import Answered, AnswerLog, answer_key
from connector.evaluation.collect import Answers, collect
from connector.evaluation.judgments import Query
from connector.evaluation.systems import System, depth_systems
from tests.connector.evaluation.cases import SETTINGS, judgments, system


class Killed(Exception):
    """The end of a run, whatever brought it."""


class MadeUp:
    """A road that answers from nothing; `dies_after` so many answers, and `states` by query."""

    def __init__(self, dies_after: int = 10**9, **states: str) -> None:
        self.asked: list[tuple[str, str]] = []
        self.under_way = self.most = 0
        self.dies_after, self.states = dies_after, states

    def key(self, system: System, query: Query) -> str:
        return answer_key(system, query, ["index", 1])

    async def ask(self, system: System, query: Query) -> Answered:
        if len(self.asked) >= self.dies_after:
            raise Killed
        self.asked.append((system.name, query.id))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        state = self.states.get(query.id, "applied")
        return Answered(self.key(system, query), system.name, query.id, ["a", "b"], state=state)


class Refusing(MadeUp):
    """Refuses one query."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def ask(self, system: System, query: Query) -> Answered:
        if query.id == "q3":
            raise self.error
        return await super().ask(system, query)


SYSTEMS = [system("bm25"), system("reranked")]


def ask(road: MadeUp, path: Path, systems: list[System] = SYSTEMS, at_once: int = 3) -> tuple[Answers, list[bool]]:
    heard: list[bool] = []
    log = AnswerLog(path)
    try:
        found = asyncio.run(collect(road, systems, judgments(5).queries, log, at_once, heard.append))  # type: ignore[arg-type]
    finally:
        log.close()
    return found, heard


def test_every_query_through_every_system(tmp_path: Path) -> None:
    road = MadeUp()
    found, heard = ask(road, tmp_path / "answers.jsonl")
    assert [list(rows) for rows in found.values()] == [["q0", "q1", "q2", "q3", "q4"]] * 2
    assert heard == [False] * 10
    assert road.most <= 3


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with pytest.raises(Killed):
        ask(MadeUp(dies_after=4), path)
    with path.open("ab") as file:
        file.write(b'{"key": "half a li')  # what a kill in the middle of a write leaves
    road = MadeUp()
    found, heard = ask(road, path)
    assert len(road.asked) == 6
    assert sum(heard) == 4
    assert all(answered.ids == ["a", "b"] for rows in found.values() for answered in rows.values())
    again = MadeUp()
    ask(again, path)
    assert again.asked == []


@pytest.mark.parametrize(
    "error", [EngineRefused("too many clauses", 400), SearchError(400, "parse", "too many clauses")]
)
def test_a_query_that_is_refused_is_named(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(SecondpassError, match=r"query q3 was refused \(bm25\): .*too many clauses"):
        ask(Refusing(error), tmp_path / "answers.jsonl")


def test_answers_that_no_table_may_count_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    ask(MadeUp(q1="partial", q2="failed"), path)
    road = MadeUp()
    ask(road, path)
    assert {query for _, query in road.asked} == {"q1", "q2"}


def test_a_changed_policy_is_asked_anew_and_a_new_name_is_not(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    ask(MadeUp(), path)
    road = MadeUp()
    ask(road, path, [system("wide: window=7"), system("same: by=reranked")])
    assert {name for name, _ in road.asked} == {"wide"}


def test_depths_are_asked_alone_and_last(tmp_path: Path) -> None:
    road = MadeUp()
    ask(road, tmp_path / "answers.jsonl", [*SYSTEMS, *depth_systems(SYSTEMS[1], [10, 20], SETTINGS)])
    assert [name for name, _ in road.asked[-10:]] == ["window 10"] * 5 + ["window 20"] * 5


@pytest.mark.parametrize(
    ("state", "reason", "knn", "sound"),
    [
        ("", "", "", True),
        ("applied", "", "fused", True),
        ("skipped", "language", "fused", True),
        ("skipped", "length", "", True),
        ("skipped", "too_few", "", True),
        ("applied", "", "late", False),
        ("applied", "", "off", False),
        ("skipped", "no_text", "", False),
        ("partial", "timeout", "", False),
        ("failed", "no_worker", "", False),
    ],
)
def test_what_a_table_may_count(state: str, reason: str, knn: str, sound: bool) -> None:
    assert Answered("k", "s", "q", [], state=state, reason=reason, knn=knn).sound is sound
