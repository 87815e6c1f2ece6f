"""An `_msearch` before an engine that a test writes the answers of: what is read of it, sent on and said."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from connector.dialects.msearch import MAX_ENTRIES
from connector.engines.bodies import OpenSearchDialect
from connector.keys import Keys
from connector.multisearch import AT_ONCE, MultiSearches
from connector.searches import Searches
from connector.settings import parse
from connector.types import Answer, Call, PassThrough, Reply

RAIN: dict[str, Any] = {"query": {"match": {"name": "rain"}}}
AGGREGATED: dict[str, Any] = {"size": 0}
HEADERS = [(b"Content-Type", b"application/x-ndjson")]


class Engine:
    """Answers an `_msearch` with a number for each search, unless it is to refuse everything."""

    def __init__(self) -> None:
        self.sent: list[Call] = []
        self.status = 200

    async def fetch(self, call: Call) -> Reply:
        self.sent.append(call)
        answers = [{"number": number, "status": 200} for number in range(call.body.count(b"\n") // 2)]
        body = {"took": 1, "responses": answers} if self.status == 200 else {"error": "refused", "status": 400}
        return Reply(self.status, b"", [], json.dumps(body).encode())


def made(engine: Engine) -> MultiSearches:
    live = SimpleNamespace(longest_query=lambda name: 0)
    second: Any = SimpleNamespace(
        fetch=engine.fetch, keys=Keys(b"secret"), dialect=OpenSearchDialect, rerank=SimpleNamespace(live=live)
    )
    policy = {"name": "shop", "indices": ["shop*"], "fields": ["name"], "model": "m"}
    return MultiSearches(Searches(parse({"model": [{"name": "m", "source": "stub"}], "policy": [policy]}), second))


def controls(**said: object) -> dict[str, Any]:
    return AGGREGATED | {"ext": {"secondpass": said}}


def call(*lines: object, raw: bytes = b"", path: str = "/_msearch") -> Call:
    return Call("POST", path.encode(), HEADERS, raw or b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def said(answer: Answer | PassThrough | None) -> list[str]:
    assert isinstance(answer, Answer)
    return [f"{one.state} {one.reason}" for one in answer.several]


@pytest.mark.parametrize(
    ("asked", "names", "count", "reason"),
    [
        (call({"index": "vecs"}, RAIN, {"index": "vecs"}, RAIN), ("shop",), 0, None),
        (call({"index": "vecs"}, RAIN, {}, RAIN), ("shop",), 2, None),
        (call({"index": "vecs"}, RAIN, {"index": "shop"}, RAIN), (), 2, None),
        (call(raw=b"{\n{}\n"), (), 0, None),
        (call(raw=b"{\n{}\n"), ("shop",), 1, "error"),
        (call(raw=b'{"index":"shop"}\n{}\n{'), (), 1, "error"),
        (call(raw=b"{}\n{}\n" * (MAX_ENTRIES + 1)), ("vecs",), 0, None),
        (call(raw=b"{}\n{}\n" * (MAX_ENTRIES + 1)), ("shop",), 1, "length"),
        (call(raw=b'{"index":"shop"}\n{}\n' * (MAX_ENTRIES + 1)), ("vecs",), 1, "length"),
    ],
)
async def test_what_is_under_a_policy_is_known_as_far_as_it_is_read(
    asked: Call, names: tuple[str, ...], count: int, reason: str | None
) -> None:
    several = made(Engine())
    assert several.count(asked, names) == count
    if count < 2:
        for verb in (several.search, several.template):
            answer = await verb(asked, names)
            if reason is None:
                assert answer is None
            else:
                assert isinstance(answer, PassThrough)
                assert (answer.call, answer.outcome.reason) == (asked, reason)


async def test_nothing_meant_for_us_goes_out_with_any_of_its_searches() -> None:
    engine, vecs = Engine(), {"index": "vecs"}
    answer = await made(engine).search(call(vecs, controls(details=True), {}, controls(), vecs, RAIN), ("shop",))
    assert said(answer) == ["skipped opt_out", "skipped size_zero", "skipped opt_out"]
    assert engine.sent[0].body == call(vecs, AGGREGATED, {}, AGGREGATED, vecs, RAIN).body
    engine.status = 400
    await made(engine).search(call(vecs, controls(details=True), {}, AGGREGATED), ("shop",))
    assert [b"secondpass" in one.body for one in engine.sent] == [False] * 3


async def test_a_control_that_cannot_be_understood_fails_its_search_alone() -> None:
    engine = Engine()
    asked = call({}, controls(), {}, controls(window=-1), {"index": "vecs"}, RAIN)
    answer = await made(engine).search(asked, ("shop",))
    assert said(answer) == ["skipped size_zero", "failed error", "skipped opt_out"]
    assert isinstance(answer, Answer)
    first, second, third = json.loads(answer.reply.body)["responses"]
    assert (first["number"], third["number"]) == (0, 2)
    assert (second["status"], second["error"]["type"]) == (400, "illegal_argument_exception")
    assert b"secondpass" not in engine.sent[0].body


async def test_a_neighbour_under_no_policy_goes_along_with_what_is_wrong() -> None:
    engine = Engine()
    answer = await made(engine).search(call({}, controls(window=-1), {"index": "vecs"}, RAIN), ("shop",))
    assert said(answer) == ["failed error", "skipped opt_out"]
    assert isinstance(answer, Answer)
    first, second = json.loads(answer.reply.body)["responses"]
    assert (first["status"], second["number"]) == (400, 1)


async def test_an_error_of_the_whole_request_is_said_of_each_search() -> None:
    engine = Engine()
    asked = call({}, controls(window=-1), {}, controls(budget_ms=-1))
    answer = await made(engine).search(asked, ("shop",))
    assert said(answer) == ["failed error", "failed error"]
    assert isinstance(answer, Answer)
    assert (answer.reply.status, engine.sent) == (400, [])


async def test_searches_behind_the_last_that_is_reranked_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    several, read = made(Engine()), []
    ask = Searches.ask

    def counted(self: Searches, call: Call, names: tuple[str, ...]) -> object:
        read.append(call)
        return ask(self, call, names)

    monkeypatch.setattr(Searches, "ask", counted)
    monkeypatch.setattr(Searches, "answer", as_it_is)
    lines = [line for number in range(2 * AT_ONCE) for line in ({}, AGGREGATED if number == 0 else RAIN)]
    answer = await several.search(call(*lines), ("shop",))
    assert len(read) == AT_ONCE + 1  # the first is not to be reranked
    assert said(answer)[AT_ONCE + 1 :] == ["skipped overload"] * (AT_ONCE - 1)
    assert "skipped overload" not in said(answer)[: AT_ONCE + 1]


async def as_it_is(self: Searches, asked: Any, fetch: Any) -> Answer:
    return Answer(await fetch(asked.call))
