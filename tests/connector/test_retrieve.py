"""What is asked of an engine whose shards fail, and of hits that moved out of reach. The engine is a script here."""

import json
from dataclasses import replace
from typing import Any

import pytest

from connector.engines.bodies import OpenSearchDialect
from connector.retrieve import Legs
from connector.types import Call, Reply
from tests.connector.dialects.samples import MODEL, planned, policy, read

MATCH = {"match": {"name": "rain jacket"}}
NO_SOURCE = "Unable to retrieve the requested [fields] since _source is disabled in the mappings for index [products]"
TOO_LARGE = "Result window is too large, from + size must be less than or equal to: [{}] but was [100]. See the scroll"
TOO_LONG = "The length of [text] field of [7] doc of [products] index has exceeded [50]"


def reply(hits: int = 10, failed: int = 0, *reasons: str) -> Reply:
    """An answer of four shards; those that are not there are counted and not listed."""
    shards: dict[str, Any] = {"total": 4, "successful": 4 - failed, "skipped": 0, "failed": failed}
    if reasons:
        shards["failures"] = [{"shard": 0, "index": "hits", "reason": {"reason": reason}} for reason in reasons]
    found = [{"_index": "products", "_id": str(number), "_score": 1.0} for number in range(hits)]
    body = {"took": 1, "timed_out": False, "_shards": shards, "hits": {"max_score": 1.0, "hits": found}}
    return Reply(200, b"OK", [], json.dumps(body, separators=(",", ":")).encode())


def refused(reason: str) -> Reply:
    return Reply(400, b"Bad Request", [], json.dumps({"error": {"reason": reason}, "status": 400}).encode())


class Engine:
    """Gives the answers of its script in turn and remembers what it was asked."""

    def __init__(self, *answers: Reply) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def fetch(self, call: Call) -> Reply:
        self.asked.append(json.loads(call.body))
        return self.answers.pop(0)


def legs(engine: Engine, body: dict[str, Any], target: str = "/products/_search") -> Legs:
    request = read(body, target)
    plan = replace(planned(request, "name"), first=request.first, size=request.size)
    return Legs(engine.fetch, OpenSearchDialect(), request.call, request, plan, policy(), MODEL)


async def test_a_whole_answer_is_asked_for_once() -> None:
    engine = Engine(reply(100))
    _, found = await legs(engine, {"query": MATCH}).lexical(0, 100)
    assert found is not None
    assert len(engine.asked) == 1


@pytest.mark.parametrize("first", [refused(NO_SOURCE), reply(0, 2, NO_SOURCE)])
async def test_stored_fields_are_read_where_all_shards_with_hits_have_no_source(first: Reply) -> None:
    engine = Engine(first, reply(100))
    _, found = await legs(engine, {"query": MATCH}).lexical(0, 100)
    assert found is not None
    assert len(found.candidates) == 100
    assert [sorted(asked) for asked in engine.asked] == [
        ["fields", "query", "size"],
        ["_source", "query", "size", "stored_fields"],
    ]


async def test_texts_of_other_indices_are_not_given_up_for_stored_fields() -> None:
    own = reply(10)
    engine = Engine(reply(60, 1, NO_SOURCE), own)
    assert await legs(engine, {"query": MATCH}).lexical(0, 100) == (own, None)
    assert engine.asked[1] == {"query": MATCH}


@pytest.mark.parametrize("first", [refused(TOO_LARGE.format(50)), reply(60, 1, TOO_LARGE.format(50))])
async def test_the_window_shrinks_to_what_each_index_allows(first: Reply) -> None:
    engine = Engine(first, reply(50))
    _, found = await legs(engine, {"query": MATCH}).lexical(0, 100)
    assert found is not None
    assert [asked["size"] for asked in engine.asked] == [100, 50]


async def test_the_least_of_several_limits_counts_and_stored_fields_may_come_next() -> None:
    limits = TOO_LARGE.format(50), TOO_LARGE.format(30)
    engine = Engine(reply(60, 2, *limits), reply(0, 4, NO_SOURCE), reply(30))
    _, found = await legs(engine, {"query": MATCH}).lexical(0, 100)
    assert found is not None
    assert [(asked["size"], "stored_fields" in asked) for asked in engine.asked] == [
        (100, False),
        (30, False),
        (30, True),
    ]


async def test_a_page_beyond_an_indexs_limit_loses_no_more_than_when_asked_straight() -> None:
    failing = reply(60, 1, TOO_LARGE.format(15))
    engine = Engine(failing, reply(10, 1, TOO_LARGE.format(15)))
    got, found = await legs(engine, {"query": MATCH, "from": 10}).lexical(0, 100)
    assert got is failing
    assert found is not None


@pytest.mark.parametrize(
    ("own", "stands"),
    [(reply(10), True), (reply(10, 1, TOO_LONG), True), (reply(10, 2, TOO_LONG, TOO_LONG), False)],
)
async def test_the_callers_own_answer_stands_where_fewer_shards_fail_it(own: Reply, stands: bool) -> None:
    ours = reply(60, 2, TOO_LONG, TOO_LONG)
    engine = Engine(ours, own)
    body = {"query": MATCH, "highlight": {"fields": {"text": {}}}}
    got, found = await legs(engine, body).lexical(0, 100)
    assert engine.asked[1] == body
    assert got is (own if stands else ours)
    assert (found is None) is stands


async def test_shards_that_are_not_there_are_not_asked_again() -> None:
    engine = Engine(reply(60, 1))
    _, found = await legs(engine, {"query": MATCH}).lexical(0, 100)
    assert found is not None
    assert len(engine.asked) == 1


async def test_failures_are_seen_behind_a_filter_path() -> None:
    own = Reply(200, b"OK", [], b'{"hits":{"hits":[]}}')
    listed = json.dumps({"_shards": {"failures": [{"reason": {"reason": TOO_LONG}}]}, "hits": {"hits": []}})
    targets: list[bytes] = []

    async def fetch(call: Call) -> Reply:
        targets.append(call.target)
        return own if len(targets) == 2 else Reply(200, b"OK", [], listed.encode())

    asked = legs(Engine(), {"query": MATCH}, "/products/_search?filter_path=hits.hits")
    asked.fetch = fetch
    assert await asked.lexical(0, 100) == (own, None)
    assert targets[0].endswith(b"?filter_path=hits.hits%2C_shards.failures")
    assert targets[1].endswith(b"?filter_path=hits.hits")


async def test_hits_that_are_looked_up_again_must_pass_the_post_filter() -> None:
    stock = {"term": {"in_stock": True}}
    engine = Engine(reply(1), reply(1))
    found = await legs(engine, {"query": MATCH, "post_filter": stock}).by_id([("products", "0", "")], lexical=True)
    assert set(found) == {("products", "0", "")}
    await legs(engine, {"query": MATCH}).by_id([("products", "0", "")], lexical=True)
    named = {"bool": {"filter": [{"term": {"_index": "products"}}, {"ids": {"values": ["0"]}}]}}
    ids = {"bool": {"should": [named], "minimum_should_match": 1}}
    assert [asked["query"]["bool"] for asked in engine.asked] == [
        {"must": [MATCH], "filter": [ids, stock]},
        {"must": [MATCH], "filter": [ids]},
    ]


@pytest.mark.parametrize(
    ("status", "kind", "times"),
    [
        (401, "security_exception", 1),
        (404, "index_not_found_exception", 1),
        (429, "rejected_execution_exception", 1),
        (503, "cluster_block_exception", 1),
        (429, "circuit_breaking_exception", 2),
        (400, "parsing_exception", 2),
        (500, "script_exception", 2),
    ],
)
async def test_a_refusal_is_heard_twice_only_where_less_may_be_granted(status: int, kind: str, times: int) -> None:
    refusal = Reply(status, b"No", [], b'{"error":{"type":"%b"},"status":%d}' % (kind.encode(), status))
    engine = Engine(refusal, refusal)
    assert await legs(engine, {"query": MATCH}).lexical(0, 100) == (refusal, None)
    assert len(engine.asked) == times
