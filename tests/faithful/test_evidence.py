"""What a query excludes and what the best documents agree in, on both engines: only order changes."""

import json
from typing import Any

import pytest

from connector.types import State
from tests.faithful.conftest import Pair
from tests.faithful.test_search import faithful

WORDS = "tent rain jacket without a lamp"
ASKED: dict[str, Any] = {"query": {"match": {"name": WORDS}}, "size": 40}


def names(answer: Any) -> list[str]:
    return [hit["_source"]["name"] for hit in answer["hits"]["hits"]]


def test_of_one_brand_what_the_query_excludes_stands_last(pair: Pair) -> None:
    hits = [hit["_source"] for hit in faithful(pair, "/kindred/_search", ASKED).json()["hits"]["hits"]]
    for brand in ("nord", "sued", "ost"):
        having = ["lamp" in hit["name"].split() for hit in hits if hit["brand"] == brand]
        assert {True, False} == set(having)
        assert having == sorted(having)


@pytest.mark.parametrize("fields", [["brand"], ["name"], ["b*"], None])
def test_the_category_is_shown_only_to_who_asked_for_it(pair: Pair, fields: list[str] | None) -> None:
    answer = faithful(pair, "/kindred/_search", ASKED | ({"fields": fields} if fields else {})).json()
    for hit in answer["hits"]["hits"]:
        assert ("brand" in hit.get("fields", {})) is (fields is not None and fields[0].startswith("b"))


def test_it_is_explained(pair: Pair) -> None:
    body = ASKED | {"explain": True, "ext": {"secondpass": {"details": True}}}
    hits = pair.ours.post("/kindred/_search", json=body).json()["hits"]["hits"]
    for hit in hits:
        said = {one["description"]: one["value"] for one in hit["_explanation"]["details"]}
        (agreement,) = [value for what, value in said.items() if what.startswith("agreement of [brand]")]
        assert 0 < agreement <= 1
        excluded = [value for what, value in said.items() if what.startswith("added to the logit")]
        assert excluded == ([-50.0] if "lamp" in hit["_source"]["name"].split() else [])
        probability = 1 / (1 + 2.718281828459045 ** -(hit["_secondpass"]["logit"] + sum(excluded)))
        assert hit["_score"] <= 1 + (probability + agreement) / 2 + 1e-6
    kept = {hit["_id"]: hit["_explanation"] for hit in hits}
    again = pair.ours.post("/kindred/_search", json=body).json()["hits"]["hits"]
    assert {hit["_id"]: hit["_explanation"] for hit in again} == kept


def test_pages_and_what_was_arranged_before_are_the_same(pair: Pair) -> None:
    whole = names(faithful(pair, "/kindred/_search", ASKED).json())
    pages = []
    for first in range(0, 40, 10):
        answer = pair.ours.post("/kindred/_search", json=ASKED | {"size": 10, "from": first})
        assert answer.headers["secondpass-rerank"].startswith(State.APPLIED)
        pages += names(answer.json())
    assert pages == whole
    assert json.loads(pair.ours.post("/kindred/_search", json=ASKED).content)["hits"]["hits"]
    for _ in range(3):
        assert names(pair.ours.post("/kindred/_search", json=ASKED).json()) == whole
