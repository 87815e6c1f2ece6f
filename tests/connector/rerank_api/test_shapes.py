"""Each shape reads what its clients send and writes what they look for (Cohere, Jina, vLLM, Infinity, TEI)."""

from typing import Any

import orjson
import pytest

from connector.errors import BadRequest, NotScored, Overloaded, UnknownModel
from connector.rerank_api.asked import Given, Shape
from connector.rerank_api.documents import Documents
from connector.rerank_api.numbers import decimal
from connector.rerank_api.scores import Score
from connector.rerank_api.tei import Predict, Rerank

GIVEN = Given([0.25, 1.0, 0.0], "products-en", cached=1, ms=3.14)


def answered(shape: Shape, body: object, given: Given = GIVEN) -> Any:
    return orjson.loads(orjson.dumps(shape.write(shape.read(body), given)))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (1.0, "1.0"), (0.98005307, "0.98005307"), (1e-7, "0.0000001"), (-4.5, "-4.5"), (1e-20, "0.0")],
)
def test_scores_always_have_a_decimal_point_and_no_exponent(value: float, text: str) -> None:
    assert orjson.dumps(decimal(value)).decode() == text


def test_cohere_gets_sorted_results_without_documents_and_nothing_else_inside() -> None:
    body = {"model": "m", "query": "q", "documents": ["a", {"text": "b", "any": "kept"}, "c"], "top_n": 2}
    found = answered(Documents("2"), body)
    assert found["results"] == [{"index": 1, "relevance_score": 1.0}, {"index": 0, "relevance_score": 0.25}]
    assert found["meta"]["api_version"] == {"version": "2"}
    assert found["meta"]["secondpass"] == {"activation": "sigmoid", "cached": 1, "ms": 3.1}
    assert found["model"] == "products-en"


def test_documents_come_back_as_they_were_sent() -> None:
    body = {"query": "q", "documents": ["a", {"text": "b", "any": "kept"}, "c"], "return_documents": True}
    found = answered(Documents("1"), body)["results"]
    assert [one["document"] for one in found] == [{"text": "b", "any": "kept"}, {"text": "a"}, {"text": "c"}]


def test_voyage_gets_its_data_with_plain_documents() -> None:
    body = {"model": "m", "query": "q", "documents": ["a", "b", "c"], "top_k": 2, "truncation": True}
    voyage = Documents("1", voyage=True)
    rows = [{"index": 1, "relevance_score": 1.0}, {"index": 0, "relevance_score": 0.25}]
    found = answered(voyage, body)
    assert found["data"] == found["results"] == rows
    assert found["usage"]["total_tokens"] == 0
    everything = answered(voyage, body | {"top_k": None, "return_documents": True})
    assert [row["document"] for row in everything["data"]] == ["b", "a", "c"]
    assert [row["document"] for row in everything["results"]] == [{"text": "b"}, {"text": "a"}, {"text": "c"}]
    assert "data" not in answered(Documents("2"), body)


def test_rank_fields_are_what_is_read() -> None:
    document = {"title": "t", "text": "x", "price": 3, "none": None}
    asked = Documents("1").read({"query": "q", "documents": [document], "rank_fields": ["title", "price", "none"]})
    assert asked.pairs == [("q", "t\n3")]
    assert Documents("1").read({"query": "q", "documents": [document]}).pairs == [("q", "x")]


def test_tei_gets_a_bare_sorted_array() -> None:
    body = {"query": "q", "texts": ["a", "b", "c"], "return_text": True, "truncate": None, "top_n": 2}
    assert answered(Rerank(), body) == [
        {"index": 1, "score": 1.0, "text": "b"},
        {"index": 0, "score": 0.25, "text": "a"},
    ]


@pytest.mark.parametrize(
    ("inputs", "pairs"),
    [
        (["q", "a"], [("q", "a")]),
        ([["q", "a"], ["p", "b"]], [("q", "a"), ("p", "b")]),
        ({"text": "q", "text_pair": "a"}, [("q", "a")]),
        ([{"text": "q", "text_pair": "a"}], [("q", "a")]),
    ],
)
def test_predict_reads_pairs_in_each_spelling(inputs: object, pairs: list[tuple[str, str]]) -> None:
    assert Predict().read({"inputs": inputs}).pairs == pairs


@pytest.mark.parametrize(
    ("inputs", "nested"),
    [
        (["q", "a"], False),
        ([["q", "a"]], True),
        ([["q", "a"], ["q", "b"], ["q", "c"]], True),
        ([{"text": "q", "text_pair": "a"}, {"text": "q", "text_pair": "b"}], False),
    ],
)
def test_predict_keeps_the_order_of_the_pairs_and_nests_as_tei(inputs: object, nested: bool) -> None:
    count = len(Predict().read({"inputs": inputs}).pairs)
    rows = [{"label": "entailment", "score": score} for score in GIVEN.scores[:count]]
    given = Given(GIVEN.scores[:count], "nli", cached=0, ms=1.0, label="entailment")
    assert answered(Predict(), {"inputs": inputs}, given) == ([[row] for row in rows] if nested else rows)


@pytest.mark.parametrize(
    ("shape", "body", "options"),
    [
        (Documents("1"), {"query": "q", "documents": ["a"]}, "model top_n top_k return_documents rank_fields"),
        (Documents("1"), {"query": "q", "documents": ["a"]}, "raw_scores use_activation"),
        (Rerank(), {"query": "q", "texts": ["a"]}, "model raw_scores return_text top_n"),
        (Predict(), {"inputs": ["q", "a"]}, "model raw_scores"),
        (Score(), {"text_1": "q", "text_2": "a"}, "model use_activation queries items"),
    ],
)
def test_null_is_the_default(shape: Shape, body: dict[str, object], options: str) -> None:
    assert shape.read(body | dict.fromkeys(options.split())) == shape.read(body)


def test_tei_s_model_is_heeded_and_nothing_to_score_has_its_own_error() -> None:
    assert Rerank().read({"model": "nli", "query": "q", "texts": ["a"]}).model == "nli"
    assert Predict().read({"model": "nli", "inputs": ["q", "a"]}).model == "nli"
    for shape, body in ((Rerank(), {"query": "q", "texts": []}), (Predict(), {"inputs": []})):
        with pytest.raises(BadRequest) as found:
            shape.read(body)
        status, said = shape.refuse(found.value)
        assert (status, said["error_type"]) == (400, "Empty")


@pytest.mark.parametrize(
    "names", [("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2")]
)
def test_score_takes_one_against_many(names: tuple[str, str]) -> None:
    body = {names[0]: "q", names[1]: ["a", "b", "c"]}
    assert Score().read(body).pairs == [("q", "a"), ("q", "b"), ("q", "c")]
    assert [row["score"] for row in answered(Score(), body)["data"]] == [0.25, 1.0, 0.0]


def test_score_takes_as_many_against_as_many() -> None:
    assert Score().read({"text_1": ["p", "q"], "text_2": ["a", "b"]}).pairs == [("p", "a"), ("q", "b")]
    with pytest.raises(BadRequest, match="one against many"):
        Score().read({"text_1": ["p", "q"], "text_2": ["a", "b", "c"]})


@pytest.mark.parametrize(
    ("shape", "body", "said"),
    [
        (Documents("1"), {"documents": ["a"]}, "query"),
        (Documents("1"), {"query": "q", "documents": []}, "send 1 to 1000"),
        (Documents("1"), {"query": "q", "documents": [3]}, "documents"),
        (Documents("1"), {"query": "q", "documents": ["a"] * 1001}, "send 1 to 1000"),
        (Documents("1"), {"query": "q", "documents": [1] * 100_000}, "100000 texts; send 1 to 1000"),
        (Predict(), {"inputs": [1] * 100_000}, "send 1 to 1000"),
        (Predict(), {"inputs": [[1] * 100_000]}, "50000 texts; send 1 to 1000"),
        (Rerank(), {"query": "q", "texts": "a"}, "texts"),
        (Predict(), {"inputs": "alone"}, "expected"),
        (Predict(), {"inputs": ["a", "b", "c"]}, "expected"),
        (Score(), {"text_1": "q"}, "text_2"),
    ],
)
def test_what_is_wrong_is_named(shape: Shape, body: object, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        shape.read(body)


def test_errors_have_each_api_s_own_shape() -> None:
    wrong, full, dead = BadRequest("no"), Overloaded("full"), NotScored("dead")
    assert Rerank().refuse(wrong) == (422, {"error": "no", "error_type": "Validation"})
    assert [Rerank().refuse(error)[0] for error in (full, dead)] == [429, 503]
    status, body = Documents("1").refuse(wrong)
    assert status == 400
    assert isinstance(body, dict)
    assert body["message"] == "no"
    assert body["error"]["code"] == 400
    assert body["detail"] == "no"
    assert Predict().refuse(UnknownModel("no"))[0] == 404
    assert Score().refuse(full)[0] == 429
