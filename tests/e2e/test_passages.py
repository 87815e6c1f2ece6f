"""A fact deep in a long document is found by passages, and shown; without them nobody reads so far."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ids, outcome
from tests.e2e.long_documents import TOKEN, Case, cases
from tests.e2e.serving import before, working
from tests.faithful.conftest import bulk
from workers.checkpoint import read_config
from workers.sources import locate
from workers.tokens import Tokens

MODEL = {"name": "passages", "source": "bundled:products-en", "runtime": "openvino", "precision": "fp32"}
POLICY = {"indices": ["long"], "fields": ["text"], "model": "passages", "budget_ms": 600_000, "chunk": 256}
POLICIES = [{**POLICY, "name": "max", "passages": "max"}, {**POLICY, "name": "off"}]
CASES = list(cases())


@pytest.fixture(scope="module")
def reading(valkey_url: str, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker for the proxies before both engines."""
    with working(tmp_path_factory.mktemp("passages"), valkey_url, broker_url, [MODEL]):
        yield


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def long(request: pytest.FixtureRequest, reading: None, valkey_url: str, broker_url: str) -> Iterator[str]:
    """The proxy before an index of all cases."""
    engine_url = request.getfixturevalue(f"{request.param}_url")
    with httpx.Client(base_url=engine_url, timeout=60) as engine:
        engine.delete("/long")
        fields = {"text": {"type": "text"}, "case": {"type": "integer"}}
        engine.put("/long", json={"mappings": {"properties": fields}}).raise_for_status()
        for case in CASES:
            documents = case.documents.items()
            pairs = [({"index": {"_id": name}}, {"text": text, "case": case.number}) for name, text in documents]
            bulk(engine, "long", [line for pair in pairs for line in pair])
        with before(engine_url, valkey_url, broker_url, [MODEL], POLICIES) as url:
            yield url
        engine.delete("/long")


def search(url: str, case: Case, policy: str, **asked: Any) -> httpx.Response:
    """The case's documents, whatever words they share with its query."""
    query = {"bool": {"should": [{"match": {"text": case.query}}], "filter": [{"term": {"case": case.number}}]}}
    ext = {"secondpass": {"policy": policy, **asked}}
    answer = httpx.post(f"{url}/long/_search", json={"query": query, "ext": ext, "_source": False}, timeout=660)
    assert outcome(answer)[0] == "applied"
    return answer


def logits(answer: httpx.Response) -> dict[str, float]:
    return {hit["_id"]: hit["_secondpass"]["logit"] for hit in answer.json()["hits"]["hits"]}


@pytest.mark.parametrize("case", [CASES[number] for number in (0, 31)], ids=lambda case: case.query)
def test_the_deep_fact_wins_with_its_passage(long: str, case: Case) -> None:
    found_by_passages(long, case)


@pytest.mark.slow  # 60 times 96 pairs
@pytest.mark.timeout(3600)
def test_sixty_cases(long: str) -> None:
    for case in CASES:
        found_by_passages(long, case)


def found_by_passages(url: str, case: Case) -> None:
    plain, passages = search(url, case, "off", details=True), search(url, case, "max", details=True)
    assert ids(plain.json())[0] != case.answer
    best = passages.json()["hits"]["hits"][0]
    assert best["_id"] == case.answer
    shown = best["_secondpass"]["passage"]
    assert case.fact in shown["text"]
    assert case.documents[case.answer][shown["start"] : shown["end"]] == shown["text"]
    alone, cut = logits(plain), logits(passages)
    for name, text in case.documents.items():
        if len(text) < 200:
            assert cut[name] == alone[name]


def test_the_facts_stand_where_they_should() -> None:
    folder = locate("bundled:products-en", "")
    tokens = Tokens(folder, read_config(folder))
    for case in CASES[:5]:
        first, found, _ = case.documents[case.answer].partition(case.fact)
        assert found
        assert len(tokens.tokenizer.encode(first, add_special_tokens=False).ids) >= TOKEN


def test_it_is_shown_as_highlight_or_inner_hit_and_never_unasked(long: str) -> None:
    case = CASES[0]
    for form in ("highlight", "inner_hits"):
        best = search(long, case, "max", passage=form).json()["hits"]["hits"][0]
        shown = best[form]["_secondpass"]
        if form == "inner_hits":
            (inner,) = shown["hits"]["hits"]
            assert (inner["_id"], inner["_score"], shown["hits"]["max_score"]) == (case.answer, *[best["_score"]] * 2)
            shown = [inner["_source"]["text"]]
        assert case.fact in shown[0]
        assert "_source" not in best
    plain = search(long, case, "max").json()["hits"]["hits"]
    assert all(not {"highlight", "inner_hits", "_secondpass", "fields"} & set(hit) for hit in plain)
    unread = search(long, case, "off", passage="highlight").json()["hits"]["hits"]
    assert all("highlight" not in hit for hit in unread)


def test_the_header_asks_too_and_nonsense_is_refused(long: str) -> None:
    case = CASES[0]
    body = {"query": {"bool": {"should": [{"match": {"text": case.query}}], "filter": [{"term": {"case": 0}}]}}}
    said = 'policy="max", passage="highlight"'
    found = httpx.post(f"{long}/long/_search", json=body, headers={"Secondpass": said}, timeout=660).json()
    assert case.fact in found["hits"]["hits"][0]["highlight"]["_secondpass"][0]
    wrong = httpx.post(f"{long}/long/_search", json=body, headers={"Secondpass": 'passage="all"'}, timeout=60)
    assert wrong.status_code == 400
    assert "highlight or inner_hits" in wrong.json()["error"]["reason"]
