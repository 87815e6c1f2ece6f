"""Each request straight, straight again, through the proxy, and through it under a policy that reranks.

Outside policies nothing end-to-end may differ; under one only hits, `took` and our own header.
"""

from dataclasses import replace

import pytest

from tests.fidelity.compare import differences, unpacked
from tests.fidelity.conftest import TALLY, Ways
from tests.fidelity.raw import Reply
from tests.fidelity.requests import REQUESTS
from tests.fidelity.reranked import ask_for_all, hitless, is_rewritten, is_search, outcome, same_hits, unsaid


def test_there_are_enough():
    assert len(REQUESTS) >= 300


@pytest.mark.parametrize("name", REQUESTS)
def test_nothing_differs(ways: Ways, name: str):
    raw = REQUESTS[name]
    straight, again, got, policy = (way.send(raw) for way in (ways.straight, ways.again, ways.proxy, ways.policy))
    TALLY[ways.engine, "requests"] += 1
    TALLY[ways.engine, "differences"] += 1
    assert got is not None
    assert policy is not None
    if straight is None:  # where the engine hangs up without a word, we say that it did
        assert got.code == policy.code == 502
    else:
        assert again is not None
        assert differences(straight, again, got, (ways.straight.index, ways.again.index, ways.proxy.index)) == []
        assert bool(outcome(policy)) == is_search(raw), policy
        assert outcome(got) == b""
        check_under_policy(ways, raw, straight, again, policy)
    TALLY[ways.engine, "differences"] -= 1


def check_under_policy(ways: Ways, raw: bytes, straight: Reply, again: Reply, policy: Reply) -> None:
    said, indices = outcome(policy), (ways.straight.index, ways.again.index, ways.policy.index)
    if not is_rewritten(policy):
        assert differences(straight, again, unsaid(policy), indices, framed=bool(said)) == []
        return
    TALLY[ways.engine, "reranked"] += said == b"applied"
    texts = [unpacked(reply) for reply in (straight, again, policy)]
    bare = [replace(one, body=hitless(text)) for one, text in zip((straight, again, policy), texts, strict=True)]
    assert differences(bare[0], bare[1], unsaid(bare[2]), indices, framed=True, packed=False) == []
    whole = ask_for_all(ways.straight, raw)
    if whole is not None:
        hits = texts[2].replace(ways.policy.index, b"INDEX"), whole.body.replace(ways.straight.index, b"INDEX")
        assert same_hits(*hits) == []
