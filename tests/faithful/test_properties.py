"""Whatever people write: the user's words are found or the skip is stated, nothing breaks and no total changes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from tests.faithful.compare import Item, items, key
from tests.faithful.conftest import COUNT, Pair, document
from tests.faithful.made import EXTRAS, Made, queries
from tests.stub_worker import score

TOLD = {"ext": {"secondpass": {"details": True}}}


@pytest.mark.timeout(900)  # 30 s on an idle machine
@given(made=queries(), extras=EXTRAS)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_words_are_found_or_the_skip_is_stated(pair: Pair, made: Made, extras: dict[str, Any]) -> None:
    body = {"query": made.query, **extras}
    theirs = pair.straight.post("/goods/_search", json=body)
    ours = pair.ours.post("/goods/_search", json=body | TOLD)
    assert ours.status_code == theirs.status_code
    (item,) = items(ours)
    event(f"{theirs.status_code}: {item.state} {item.reason}")  # pytest --hypothesis-show-statistics counts them
    if theirs.status_code != 200:
        assert theirs.status_code == 400
        assert (item.state, ours.content) == ("skipped", theirs.content)
        return
    mine, engine = ours.json(), theirs.json()
    assert mine["hits"]["total"] == engine["hits"]["total"]
    assert mine.get("aggregations") == engine.get("aggregations")
    assert len(mine["hits"]["hits"]) == len(engine["hits"]["hits"])
    expected = reason(made, extras)
    if expected:
        assert (item.state, item.reason) == ("skipped", expected)
        assert [key(hit) for hit in mine["hits"]["hits"]] == [key(hit) for hit in engine["hits"]["hits"]]
    elif item.state == "skipped":
        assert item.reason == "too_few"
        assert engine["hits"]["total"]["value"] <= 1
    else:
        assert item.state == "applied"
        scored_by(made.texts[0], mine["hits"]["hits"], item)


def reason(made: Made, extras: dict[str, Any]) -> str | None:
    """Why this search is not reranked, in the order in which reasons are said; None where it is."""
    if extras.get("size") == 0:
        return "size_zero"
    if extras.get("sort") in (["price"], [{"price": "desc"}, "_score"]):
        return "sort"
    texts = {" ".join(text.split()) for text in made.texts}
    if not made.readable or len(texts) > 1:
        return "ambiguous"
    return None if texts else "no_text"


DOCUMENTS = {f"d{number}": document(number) for number in range(COUNT)}


def scored_by(text: str, hits: list[Any], item: Item) -> None:
    """Every hit of the window has the score of exactly these words and its own text."""
    for hit in hits:
        if hit["_secondpass"]["rank"] <= (item.window or 0):
            read = DOCUMENTS[hit["_id"]]
            assert hit["_secondpass"]["logit"] == score(text, f"{read['name']}. {read['text']}")
