"""The promises a client sees, on real parts: order, what stays the same, pages, refusals, the answer's header."""

import asyncio
import json
import math
import re
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Live, ids, outcome
from workers.sources import MODELS

WORDS = {"multi_match": {"query": "waterproof jacket", "fields": ["name", "description"]}}
RICH = {
    "query": {"bool": {"must": [WORDS], "filter": [{"range": {"price": {"gte": 1}}}]}},
    "aggs": {"brands": {"terms": {"field": "brand.keyword"}}, "price": {"avg": {"field": "price"}}},
    "highlight": {"fields": {"name": {}}},
    "suggest": {"word": {"text": "jaket", "term": {"field": "name"}}},
    "_source": ["name", "price"],
    "fields": ["colour"],
    "docvalue_fields": ["rating"],
    "track_total_hits": True,
    "size": 20,
}


def test_hits_are_reordered_and_nothing_else_changes(live: Live) -> None:
    ours = live.search(RICH)
    theirs = httpx.post(live.straight + "/shop/_search", json=RICH, timeout=60)
    state, said = outcome(ours)
    assert (state, said["scored"]) == ("applied", said["window"])
    mine, engine = ours.json(), theirs.json()
    assert ids(mine) != ids(engine)
    shown = [hit["_score"] for hit in mine["hits"]["hits"]]
    assert shown == sorted(shown, reverse=True)
    assert mine["hits"]["max_score"] == shown[0]
    assert all(1 <= score <= 2 for score in shown)
    by_id = {hit["_id"]: hit for hit in httpx_all(live)["hits"]["hits"]}
    for hit in mine["hits"]["hits"]:  # what a hit shows is the engine's, but for its score
        assert hit | {"_score": None} == by_id[hit["_id"]] | {"_score": None}
    for answer in (mine, engine):
        del answer["took"], answer["hits"]["hits"], answer["hits"]["max_score"]
    assert mine == engine


def httpx_all(live: Live) -> Any:
    return httpx.post(live.straight + "/shop/_search", json=RICH | {"size": 500}, timeout=60).json()


def test_outside_a_policy_there_is_no_header_and_no_change(live: Live) -> None:
    for path in ("/_search", "/shop/_count", "/shop/_doc/p0001", "/_cat/indices?format=json", "/nowhere/_search"):
        answer = httpx.get(live.url + path, timeout=60)
        assert "secondpass-rerank" not in answer.headers, path


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"query": WORDS, "size": 0}, "size_zero"),
        ({"query": WORDS, "sort": ["price"]}, "sort"),
        ({"query": {"match_all": {}}}, "no_text"),
        ({"query": {"match": {"name": "无线耳机"}}}, "language"),
        ({"query": {"match": {"name": "a jacket that is waterproof, warm, packs small and has a hood"}}}, "length"),
        ({"query": WORDS, "terminate_after": 5}, "terminate_after"),
        ({"query": WORDS, "ext": {"secondpass": {"enabled": False}}}, "opt_out"),
        ({"query": {"term": {"brand.keyword": "nothing is called so"}}}, "no_text"),
        ({"query": {"bool": {"must": [{"match": {"name": "tent"}}, {"match": {"brand": "Lund"}}]}}}, "ambiguous"),
        ({"query": {"match": {"name": "zyxwvutsr"}}}, "too_few"),
    ],
)
def test_what_is_not_reranked_is_the_engines_answer(live: Live, body: dict[str, Any], reason: str) -> None:
    ours = live.search(body)
    plain = {key: value for key, value in body.items() if key != "ext"}
    theirs = httpx.post(live.straight + "/shop/_search", json=plain, timeout=60)
    assert ours.headers["secondpass-rerank"].startswith(f"skipped;reason={reason}")
    assert (ours.status_code, ours.json()["hits"]) == (theirs.status_code, theirs.json()["hits"])


def test_controls_are_obeyed_and_never_reach_the_engine(live: Live) -> None:
    assert live.search({"query": WORDS}, headers={"Secondpass": "off"}).headers["secondpass-rerank"] == (
        "skipped;reason=opt_out"
    )
    state, said = outcome(live.search({"query": WORDS}, headers={"Secondpass": "on, window=5"}))
    assert (state, said["window"]) == ("applied", "5")
    wrong = live.search({"query": WORDS}, headers={"Secondpass": 'policy="nothere"'})
    assert wrong.status_code == 400
    assert "nothere" in wrong.json()["error"]["reason"]
    told = live.search({"query": WORDS, "size": 3, "ext": {"secondpass": {"details": True}}}).json()
    assert told["ext"]["secondpass"]["state"] == "applied"
    hit = told["hits"]["hits"][0]["_secondpass"]
    assert hit["rank"] == 1
    assert set(hit) == {"rank", "engine_rank", "engine_score", "logit", "score", "probability"}


def test_probabilities_are_the_models_calibration_and_move_nothing(live: Live) -> None:
    asked = {"query": WORDS, "size": 50, "explain": True, "ext": {"secondpass": {"details": True}}}
    hits = live.search(asked).json()["hits"]["hits"]
    said = json.loads((MODELS / "products-en" / "secondpass.json").read_text())["calibration"]
    logits = [hit["_secondpass"]["logit"] for hit in hits]
    assert logits == sorted(logits, reverse=True)
    for hit in hits:
        told = hit["_secondpass"]
        expected = 1 / (1 + math.exp(-(said["slope"] * told["logit"] + said["intercept"])))
        assert told["probability"] == pytest.approx(expected)
        assert told["score"] == pytest.approx(1 / (1 + math.exp(-told["logit"])))
        probability, calibrated = hit["_explanation"]["details"][:2]
        assert (probability["value"], calibrated["value"]) == (told["score"], told["probability"])
        assert "calibrated on graded documents" in calibrated["description"]


def test_a_query_longer_than_the_model_was_made_for_is_fused_and_said_everywhere(live: Live) -> None:
    long = "a jacket that is waterproof, warm, packs small and has a hood"
    found = httpx.post(live.url + "/_secondpass/search", json={"index": "shop", "query": long}, timeout=90).json()
    assert (found["rerank"]["state"], found["rerank"]["reason"]) == ("skipped", "length")
    assert found["rerank"]["knn"] == "fused"
    lines = [{"index": "shop"}, {"query": {"match": {"name": long}}}, {"index": "shop"}, {"query": WORDS}]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    several = httpx.post(live.url + "/_msearch", content=body, headers=headers, timeout=90)
    one, other = several.headers["secondpass-rerank"].split(", ")
    assert one == "skipped;reason=length"
    assert other.startswith("applied")


def test_simple_search(live: Live) -> None:
    asked = {"index": "shop", "query": "waterproof jacket", "size": 5, "filter": [{"term": {"language": "en"}}]}
    answer = httpx.post(live.url + "/_secondpass/search", json=asked, timeout=90)
    found = answer.json()
    assert found["rerank"]["state"] == "applied"
    assert found["rerank"]["knn"] == "fused"
    assert found["total"] > 5
    assert len(found["hits"]) == 5
    assert set(found["hits"][0]) == {"id", "index", "score", "source", "engine_rank"}
    assert "embedding" not in found["hits"][0]["source"]
    by_get = httpx.get(live.url + "/_secondpass/search?index=shop&q=waterproof+jacket&size=5", timeout=90)
    assert by_get.status_code == 200


def test_words_that_the_model_cannot_read_are_fused_all_the_same(live: Live) -> None:
    asked = {"index": "shop", "query": "防水 冲锋衣", "size": 20}
    found = httpx.post(live.url + "/_secondpass/search", json=asked, timeout=90).json()
    assert (found["rerank"]["state"], found["rerank"]["reason"]) == ("skipped", "language")
    assert found["rerank"]["knn"] == "fused"
    assert len(found["hits"]) == 20
    shown = [hit["score"] for hit in found["hits"]]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] < 1


def test_unread_words_and_unknown_keys_of_the_simple_search(live: Live) -> None:
    for body in (b"{", b"[]", b'{"index": "shop"}', b'{"index": "shop", "query": "x", "sise": 3}', b"\xff\xfe"):
        answer = httpx.post(live.url + "/_secondpass/search", content=body, timeout=30)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "illegal_argument_exception"


async def test_pages_fit_together_while_documents_are_indexed(live: Live) -> None:
    body = {"query": WORDS | {}, "_source": False, "size": 10}

    async with httpx.AsyncClient(timeout=120) as client:

        async def page(number: int) -> list[str]:
            answer = await client.post(live.url + "/shop/_search", json=body | {"from": number * 10})
            return ids(answer.json())

        async def index(number: int) -> None:
            added = {"name": "waterproof jacket waterproof jacket", "language": "en"}
            await client.put(f"{live.url}/shop/_doc/new{number}?refresh=true", json=added)

        first = await page(0)
        pages, _ = await asyncio.gather(
            asyncio.gather(*(page(number) for number in range(5))), asyncio.gather(*map(index, range(5)))
        )
        one = ids((await client.post(live.url + "/shop/_search", json=body | {"size": 50})).json())
        for number in range(5):
            await client.delete(f"{live.url}/shop/_doc/new{number}?refresh=true")
    assert first == pages[0]
    flat = [name for page_ids in pages for name in page_ids]
    assert flat == one
    assert len(set(flat)) == len(flat) == 50


async def test_pages_of_partial_answers_fit_together_too(live: Live) -> None:
    body = {"query": {"match": {"description": "light warm dry strong simple fits"}}, "_source": False}
    async with httpx.AsyncClient(timeout=60, headers={"Secondpass": "on, budget=40"}) as client:
        answers = await asyncio.gather(
            *(client.post(live.url + "/shop/_search", json=body | {"from": at, "size": 10}) for at in range(0, 50, 10))
        )
        whole = await client.post(live.url + "/shop/_search", json=body | {"size": 50})
    assert [name for answer in answers for name in ids(answer.json())] == ids(whole.json())
    assert len({outcome(answer)[0] for answer in [*answers, whole]}) == 1


def test_the_same_again_is_cached_and_one_changed_document_is_scored_again(live: Live) -> None:
    query = {"query": {"match": {"name": "sleeping bag mat"}}, "size": 5}
    state, first = outcome(live.search(query))
    assert (state, first["cached"]) == ("applied", "0")
    _, again = outcome(live.search(query))
    assert again["cached"] == again["scored"] == first["scored"]
    changed = {"name": "Sleeping bag that was changed", "language": "en"}
    target = live.search(query).json()["hits"]["hits"][0]
    path = f"{live.straight}/{target['_index']}/_doc/{target['_id']}"
    before = httpx.get(path).json()["_source"]
    try:
        httpx.put(path + "?refresh=true", json=before | changed)
        other_page = query | {"track_total_hits": True}  # another body: not the kept order of the one above
        _, after = outcome(live.search(other_page))
        assert int(after["scored"]) - int(after["cached"]) == 1
    finally:
        httpx.put(path + "?refresh=true", json=before)


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": {"match": {"name": "tent"}',
        b'{"query": {"match": {"name": "tent"}}, "query": {"match_all": {}}}',
        b'{"query": {"match": {"name": "tent"}}} trailing',
        b'{"query": {"match": {"name": "te\xff\xfent"}}}',
        b'{"query": {"match": {"name": "tent"}}, "size": "ten"}',
        b'{"query": {"match": {"name": "tent"}}, "from": -1}',
        b'{"query": {"match": {"name": "tent"}}, "size": 20000}',
        b'{"query": {"nosuch": {"name": "tent"}}}',
        json.dumps({"query": {"match": {"name": "x" * 10_000_000}}}).encode(),
    ],
    ids=["cut", "twice", "trailing", "utf8", "type", "negative", "window", "unknown", "10MB"],
)
def test_bad_searches_get_the_engines_own_error(live: Live, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    ours = httpx.post(live.url + "/shop/_search", content=body, headers=headers, timeout=90)
    theirs = httpx.post(live.straight + "/shop/_search", content=body, headers=headers, timeout=90)
    assert ours.status_code == theirs.status_code
    assert re.match("skipped;reason=", ours.headers["secondpass-rerank"])
    if theirs.status_code != 200:
        assert ours.content == theirs.content


def test_documents_without_text_are_unscored_and_last(live: Live) -> None:
    path = f"{live.straight}/shop/_doc/bare"
    httpx.put(path + "?refresh=true", json={"category": "Tents", "language": "en"})
    try:
        body = {"query": {"multi_match": {"query": "tents", "fields": ["name", "category"]}}, "size": 50}
        answer = live.search(body)
        state, said = outcome(answer)
        assert state == "applied"
        assert int(said["window"]) - int(said["scored"]) == 1
        assert ids(answer.json())[-1] == "bare"
        assert answer.json()["hits"]["hits"][-1]["_score"] < 1
    finally:
        httpx.delete(path + "?refresh=true")
