"""The demo shop is what its README says: counts, ids that resolve, grades, traps and both languages."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import connector

SHOP = Path(connector.__file__).parent / "local" / "shop"
FIELDS = {
    "id",
    "language",
    "name",
    "brand",
    "description",
    "features",
    "colour",
    "category",
    "price",
    "rating",
    "stock",
}
TRAPS = {"accessory", "negation", "synonym", "model", "size", "compound", "misspelling", "colour", "paraphrase"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHOP / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def products() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows("products.jsonl")}


@pytest.fixture(scope="module")
def queries() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows("queries.jsonl")}


@pytest.fixture(scope="module")
def grades() -> list[tuple[str, str, int]]:
    lines = (SHOP / "qrels.tsv").read_text(encoding="utf-8").splitlines()
    return [(query, product, int(grade)) for query, product, grade in (line.split("\t") for line in lines)]


def test_products_are_complete_and_distinct(products: dict[str, dict[str, Any]]) -> None:
    assert len(products) == len(rows("products.jsonl"))
    assert Counter(p["language"] for p in products.values()) == {"en": 525, "zh": 92}
    assert len({p["name"] for p in products.values()}) == len(products)
    for product in products.values():
        assert set(product) == FIELDS, product
        assert all(isinstance(product[name], str) and product[name] for name in ("name", "brand", "description"))
        assert product["features"]
        assert all(isinstance(part, str) and part for part in product["features"])
        assert product["price"] > 0
        assert 1 <= product["rating"] <= 5
        assert product["stock"] >= 0


def test_queries_cover_both_languages_and_every_trap(queries: dict[str, dict[str, Any]]) -> None:
    assert Counter(q["language"] for q in queries.values()) == {"en": 80, "zh": 24}
    assert {q["trap"] for q in queries.values() if q["language"] == "en"} == TRAPS
    assert {q["trap"] for q in queries.values() if q["language"] == "zh"} == TRAPS
    assert len({q["text"] for q in queries.values()}) == len(queries)


def test_grades_resolve_and_every_query_has_an_answer(
    products: dict[str, dict[str, Any]], queries: dict[str, dict[str, Any]], grades: list[tuple[str, str, int]]
) -> None:
    assert len({(query, product) for query, product, _ in grades}) == len(grades)
    best: Counter[str] = Counter()
    for query, product, grade in grades:
        assert grade in {0, 1, 2, 3}
        assert products[product]["language"] == queries[query]["language"], (query, product)
        best[query] = max(best[query], grade)
    assert {query for query, grade in best.items() if grade == 3} == set(queries)


def test_tempting_products_are_listed(queries: dict[str, dict[str, Any]], grades: list[tuple[str, str, int]]) -> None:
    tempted = {query for query, _, grade in grades if grade == 0}
    assert len(tempted) >= 0.9 * len(queries)


def test_files_are_small() -> None:
    assert all(path.stat().st_size < 1_000_000 for path in SHOP.iterdir())
