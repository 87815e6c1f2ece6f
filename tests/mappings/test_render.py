"""Rendered bodies equal the golden files, and the rules that no golden file shows."""

import json
import os
from pathlib import Path

import pytest

from mappings import LANGUAGES, MAPPINGS, render, text_fields
from mappings.render import DIALECTS, Json

GOLDEN = Path(__file__).parent.parent / "golden" / "mappings"


def golden(name: str, body: Json) -> Json:
    """The golden body; with UPDATE_GOLDEN=1 it is written first."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    expected: Json = json.loads(path.read_text(encoding="utf-8"))
    return expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MAPPINGS)
def test_golden(name: str, language: str, dialect: str) -> None:
    body = render(name, dialect, dims=384, language=language)
    assert body == golden(f"{name}-{language}.{dialect}", body)


@pytest.mark.parametrize("language", ["en", "mixed", "zh"])
def test_golden_fallback(language: str) -> None:
    body = render("documents", "elasticsearch", language=language, analyzers=["standard", "stop"])
    assert body == golden(f"documents-{language}-fallback.elasticsearch", body)


def test_without_dims_there_is_no_vector_and_no_knn_setting() -> None:
    body = render("shop", "opensearch")
    assert "embedding" not in body["mappings"]["properties"]
    assert "knn" not in body["settings"]["index"]


def test_opensearch_vectors_always_name_the_lucene_engine() -> None:
    """Without it the engine is faiss, whose missing native library kills the node at the first document."""
    for name in MAPPINGS:
        field = render(name, "opensearch", dims=384)["mappings"]["properties"]["embedding"]
        assert field["method"]["engine"] == "lucene"


def test_a_fallback_is_taken_only_where_an_analyzer_is_missing() -> None:
    def analysis(*analyzers: str) -> list[str]:
        body = render("shop", "opensearch", language="mixed", analyzers=analyzers)
        return [part for part in body["mappings"]["_meta"]["secondpass"]["parts"] if part.startswith("text-")]

    assert analysis("english", "cjk", "german") == ["text-mixed@analysis"]
    assert analysis("english") == ["text-mixed@fallback"]


def test_text_fields_lists_what_words_are_searched_in() -> None:
    assert text_fields(render("documents", "opensearch", language="en")) == ["title", "text"]
    mixed = text_fields(render("shop", "opensearch", language="mixed"))
    assert mixed[:4] == ["name", "name.zh", "brand", "brand.zh"]


def test_bodies_share_nothing() -> None:
    first = render("shop", "opensearch", dims=4)
    first["mappings"]["properties"].clear()
    first["settings"]["analysis"]["analyzer"].clear()
    assert render("shop", "opensearch", dims=4)["mappings"]["properties"]


@pytest.mark.parametrize(
    ("name", "dialect", "dims", "language"),
    [
        ("../shop", "opensearch", 4, "en"),
        ("shop", "solr", 4, "en"),
        ("shop", "opensearch", 4, "klingon"),
        ("shop", "opensearch", 0, "en"),
        ("shop", "opensearch", 4097, "en"),
    ],
)
def test_wrong_arguments_are_named(name: str, dialect: str, dims: int, language: str) -> None:
    with pytest.raises(ValueError, match=r"is not one of|the engines take"):
        render(name, dialect, dims=dims, language=language)
