"""Each field of an installed index is queried on a real engine: words, pairs of characters, values, ranges, vectors."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from connector.engines.base import Engine, Operation
from connector.engines.open import open_engine
from connector.settings import Engine as EngineSettings
from mappings import install, render, text_fields

JACKET = {
    "id": "a",
    "language": "en",
    "name": "Waterproof hiking jackets",
    "brand": "Fellmarch",
    "description": "Keeps the rain off your shoulders",
    "features": ["taped seams", "stuff sack"],
    "colour": "moss green",
    "category": "Clothing / Rainwear",
    "price": 129.5,
    "rating": 4.5,
    "stock": 3,
    "embedding": [1.0, 0.0, 0.0, 0.0],
}
FLASK = {
    "id": "b",
    "language": "zh",
    "name": "不锈钢保温杯 500毫升",
    "brand": "青杉",
    "description": "早上装的热水，傍晚还烫嘴",
    "features": ["真空双层"],
    "colour": "白色",
    "category": "水具/保温杯",
    "price": 99,
    "rating": 4.1,
    "stock": 0,
    "embedding": [0.0, 1.0, 0.0, 0.0],
}
BOTH: list[tuple[dict[str, Any], str]] = [
    ({"match": {"name": "HIKING"}}, "a"),
    ({"match": {"brand": "fellmarch"}}, "a"),
    ({"term": {"brand.keyword": "Fellmarch"}}, "a"),
    ({"match": {"description": "rain"}}, "a"),
    ({"match": {"features": "seams"}}, "a"),
    ({"match": {"colour": "green"}}, "a"),
    ({"term": {"colour.keyword": "moss green"}}, "a"),
    ({"match": {"category": "rainwear"}}, "a"),
    ({"term": {"category.keyword": "Clothing / Rainwear"}}, "a"),
    ({"term": {"id": "b"}}, "b"),
    ({"term": {"language": "zh"}}, "b"),
    ({"range": {"price": {"gt": 99, "lte": 129.5}}}, "a"),
    ({"range": {"rating": {"lt": 4.2}}}, "b"),
    ({"term": {"stock": 0}}, "b"),
    ({"match": {"name.zh": "保温"}}, "b"),
    ({"match": {"name.zh": {"query": "保温杯", "operator": "and"}}}, "b"),
    ({"match": {"description.zh": "热水"}}, "b"),
    ({"match": {"features.zh": "真空"}}, "b"),
    ({"match": {"brand.zh": "青杉"}}, "b"),
    ({"match": {"colour.zh": "白色"}}, "b"),
    ({"match": {"category.zh": "水具"}}, "b"),
    ({"match": {"name.zh": "温保"}}, ""),  # the same characters in another order are another word
    ({"match": {"name.zh": "杯保"}}, ""),
    ({"match": {"name": "and the"}}, ""),  # stop words find nothing
]


@pytest.fixture(
    params=["opensearch_url", "elasticsearch_url", pytest.param("elasticsearch_8_url", marks=pytest.mark.slow)]
)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    opened = await open_engine(EngineSettings(url=[request.getfixturevalue(request.param)]))
    yield opened
    await opened.close()


async def load(engine: Engine, index: str, *documents: dict[str, Any]) -> None:
    items = await engine.bulk([Operation(index, doc["id"], orjson.dumps(doc)) for doc in documents])
    assert all(item.ok for item in items), items
    await engine.refresh(index)


async def found(engine: Engine, index: str, body: dict[str, Any]) -> str:
    answer = await engine.search(index, body)
    return "".join(hit["_id"] for hit in answer["hits"]["hits"])


async def test_every_field_of_the_shop_answers(engine: Engine, unique_index: str) -> None:
    installed = await install(engine, "shop", unique_index, dims=4)
    await load(engine, installed.index, JACKET, FLASK)
    for query, expected in BOTH:
        assert await found(engine, unique_index, {"query": query}) == expected, query
    for vector, expected in (([0.9, 0.1, 0.0, 0.0], "a"), ([0.1, 0.9, 0.0, 0.0], "b")):
        assert await found(engine, unique_index, engine.dialect.knn_clause("embedding", vector, 1)) == expected
    only_zh = engine.dialect.knn_clause("embedding", [1.0, 0.0, 0.0, 0.0], 1, [{"term": {"language": "zh"}}])
    assert await found(engine, unique_index, only_zh) == "b"
    by_price = {"sort": [{"price": "asc"}], "query": {"match_all": {}}}
    assert await found(engine, unique_index, by_price) == "ba"
    fields = text_fields(render("shop", engine.info.dialect))
    for words, expected in (("hiking jackets", "a"), ("保温杯", "b")):
        assert (await found(engine, unique_index, {"query": engine.dialect.lexical_query(words, fields)}))[
            0
        ] == expected
    assert await install(engine, "shop", unique_index, dims=4) == type(installed)(installed.index, False, True)


async def test_english_is_stemmed_where_the_engine_can(engine: Engine, unique_index: str) -> None:
    installed = await install(engine, "documents", unique_index, language="en")
    await load(engine, installed.index, {"id": "a", "title": "Waterproof jackets", "text": "walking", "tags": ["x"]})
    stems = engine.info.dialect == "opensearch"  # the trimmed Elasticsearch build has no stemmer: its fallback
    for query in ({"match": {"title": "jacket"}}, {"match": {"text": "walks"}}):
        assert await found(engine, unique_index, {"query": query}) == ("a" if stems else "")
    assert await found(engine, unique_index, {"query": {"match": {"title": "Jackets"}}}) == "a"
    assert await found(engine, unique_index, {"query": {"term": {"tags": "x"}}}) == "a"


async def test_a_chinese_index_pairs_characters(engine: Engine, unique_index: str) -> None:
    installed = await install(engine, "documents", unique_index, language="zh")
    await load(
        engine, installed.index, {"id": "a", "title": "防水登山鞋", "text": "头层牛皮加防水膜", "updated": "2026-01-02"}
    )
    assert await found(engine, unique_index, {"query": {"match": {"title": "登山"}}}) == "a"
    assert await found(engine, unique_index, {"query": {"match": {"title": "山登"}}}) == ""
    assert await found(engine, unique_index, {"query": {"range": {"updated": {"gte": "2026-01-01"}}}}) == "a"
