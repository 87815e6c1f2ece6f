"""Searches under a policy that are the engine's alone: they are not carried out here, only said how to be sent."""

import json
from types import SimpleNamespace
from typing import Any

from connector.engines.bodies import OpenSearchDialect
from connector.keys import Keys
from connector.searches import Searches
from connector.settings import parse
from connector.types import Call, Outcome, PassThrough, Reason, Reply, State

BODY: dict[str, Any] = {"query": {"match": {"name": "rain"}}}
EXT = {"ext": {"secondpass": {"window": 9}}}


def searches(*replies: Reply) -> Searches:
    """With an engine that gives these answers, and no more."""
    left = list(replies)

    async def fetch(call: Call) -> Reply:
        return left.pop(0)

    live = SimpleNamespace(longest_query=lambda name: 0)
    second: Any = SimpleNamespace(
        fetch=fetch, keys=Keys(b"secret"), dialect=OpenSearchDialect, rerank=SimpleNamespace(live=live)
    )
    policy = {"name": "shop", "indices": ["shop*"], "fields": ["name"], "model": "m"}
    two = policy | {"name": "two", "indices": ["two"]}
    return Searches(parse({"model": [{"name": "m", "source": "stub"}], "policy": [policy, two]}), second)


def call(body: object, target: str = "/shop/_search", *headers: tuple[bytes, bytes]) -> Call:
    return Call("POST", target.encode(), [(b"Content-Type", b"application/json"), *headers], json.dumps(body).encode())


def skipped(reason: Reason) -> Outcome:
    return Outcome(State.SKIPPED, reason)


async def test_a_skipped_search_is_passed_through() -> None:
    scroll = call(BODY, "/shop/_search?scroll=5m", (b"Secondpass", b"on"))
    expected = Call(scroll.method, scroll.target, scroll.headers[:1], scroll.body)
    assert await searches().search(scroll, ("shop",)) == PassThrough(expected, skipped(Reason.SCROLL))
    zero = call(BODY | {"size": 0} | EXT)
    assert await searches().search(zero, ("shop",)) == PassThrough(call(BODY | {"size": 0}), skipped(Reason.SIZE_ZERO))
    differ = call(BODY, "/shop,two/_search")
    passed = PassThrough(differ, skipped(Reason.POLICIES_DIFFER))
    assert await searches().search(differ, ("shop", "two")) == passed


async def test_what_the_engine_is_to_refuse_is_passed_through() -> None:
    passed = await searches().search(call(BODY | {"size": None} | EXT), ("shop",))
    assert passed == PassThrough(call(BODY | {"size": None}), skipped(Reason.ERROR))


async def test_a_skipped_template_is_passed_through() -> None:
    rendered = Reply(200, b"OK", [], b'{"template_output":' + json.dumps(BODY | {"sort": ["price"]}).encode() + b"}")
    template = call({"id": "t"}, "/shop/_search/template", (b"Secondpass", b"on"))
    expected = Call(template.method, template.target, template.headers[:1], template.body)
    found = await searches(rendered).template(template, ("shop",))
    assert found == PassThrough(expected, skipped(Reason.SORT))
    ours = Reply(200, b"OK", [], b'{"template_output":' + json.dumps({"size": 0} | EXT).encode() + b"}")
    found = await searches(ours).template(template, ("shop",))
    assert isinstance(found, PassThrough)
    assert json.loads(found.call.body)["params"] == {"secondpass": '{"size": 0}'}
    unknown = await searches(Reply(404, b"", [], b"{}")).template(template, ("shop",))
    assert unknown == PassThrough(expected, skipped(Reason.ERROR))
