"""What every `Engine` does, whichever it is. Each implementation's test file is three lines that say how to open it."""

import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from connector.engines.base import Engine, Operation
from connector.errors import EngineRefused
from mappings.loader import install, switch
from mappings.render import render

JACKET = {"name": "Rain jacket", "brand": "Acme", "description": "Keeps you dry", "price": 80, "embedding": [1, 0, 0]}
UMBRELLA = {"name": "Umbrella", "brand": "Dry Co", "description": "For rain", "price": 20, "embedding": [0.6, 0.8, 0]}
CASE = {"name": "Umbrella case", "brand": "Acme", "description": "A case", "price": 5, "embedding": [0, 0, 1]}
WORDS_OF_UMBRELLA = {name: UMBRELLA[name] for name in ("name", "brand", "description")}
FIELDS = ("name", "brand", "description")


class EngineContract:
    @pytest.fixture
    async def index(self, engine: Engine) -> str:
        """An alias with three products behind it, made once for the tests that only read."""
        name = f"contract-{os.getpid()}"
        if not await engine.mapping(name):
            await self.fill(engine, name)
        return name

    @pytest.fixture
    async def own_index(self, engine: Engine, unique_index: str) -> AsyncIterator[str]:
        """The same, for a test that changes it."""
        await self.fill(engine, unique_index)
        yield unique_index
        await engine.update_aliases([{"remove_index": {"index": f"{unique_index}-000001"}}])

    async def fill(self, engine: Engine, name: str) -> None:
        await install(engine, "shop", name, dims=3, language="any")
        sources = {"1": JACKET, "2": UMBRELLA, "3": CASE}
        items = await engine.bulk([Operation(name, key, orjson.dumps(source)) for key, source in sources.items()])
        assert [(item.id, item.status) for item in items] == [("1", 201), ("2", 201), ("3", 201)]
        await engine.refresh(name)

    async def test_nothing_is_behind_an_unknown_name(self, engine: Engine, unique_index: str) -> None:
        assert await engine.mapping(unique_index) == {}
        with pytest.raises(EngineRefused, match="no such index") as refused:
            await engine.count(unique_index)
        assert refused.value.engine_status == 404

    async def test_mapping_of_an_alias_holds_meta(self, engine: Engine, index: str) -> None:
        ((name, mappings),) = (await engine.mapping(index)).items()
        assert name == f"{index}-000001"
        assert mappings["_meta"] == render("shop", engine.info.dialect, dims=3, language="any")["mappings"]["_meta"]

    async def test_a_name_is_taken_once(self, engine: Engine, index: str) -> None:
        with pytest.raises(EngineRefused, match="already exists") as refused:
            await engine.create_index(f"{index}-000001", {})
        assert refused.value.engine_status == 400

    async def test_an_alias_moves_in_one_step(self, engine: Engine, own_index: str) -> None:
        index = own_index
        await engine.create_index(f"{index}-000002", render("shop", engine.info.dialect, dims=3, language="any"))
        assert await switch(engine, index, f"{index}-000002") == [f"{index}-000001"]
        assert await engine.count(index) == 0
        actions = [{"add": {"index": f"{index}-000001", "alias": index}}]
        await engine.update_aliases([{"remove_index": {"index": f"{index}-000002"}}, *actions])
        assert await engine.count(index) == 3

    async def test_a_refused_document_is_an_item(self, engine: Engine, own_index: str) -> None:
        index = own_index
        items = await engine.bulk(
            [
                Operation(index, "4", b'{"name": "Good"}'),
                Operation(index, "5", b'{"price": "cheap"}'),
                Operation(index, "6", b'{"embedding": [1, 2]}'),
                Operation(index, "1", b'{"name": "Again"}', action="create"),
                Operation(index, "2", b'{"doc": {"price": 21}}', action="update"),
                Operation(index, "3", action="delete"),
                Operation(index, "7", action="delete"),
            ]
        )
        assert [(item.id, item.status) for item in items] == list(
            zip("4561237", (201, 400, 400, 409, 200, 200, 404), strict=True)
        )
        assert [item.ok for item in items] == [True, False, False, False, True, True, False]
        assert "price" in items[1].reason
        assert "dimension" in items[2].reason
        await engine.refresh(index)
        assert await engine.count(index) == 3
        found = await self.found(engine, index, {"query": {"ids": {"values": ["2"]}}})
        kept = {name: value for name, value in found[0]["_source"].items() if name != "embedding"}
        assert kept == {**WORDS_OF_UMBRELLA, "price": 21}  # some engines show no vectors

    async def test_no_operations_need_no_engine(self, engine: Engine) -> None:
        assert await engine.bulk([]) == []

    async def test_words_meet_in_different_fields(self, engine: Engine, index: str) -> None:
        assert await self.ids(engine, index, engine.dialect.lexical_query("acme jacket", FIELDS)) == ["1", "3"]

    async def test_the_first_field_weighs_more(self, engine: Engine, index: str) -> None:
        assert (await self.ids(engine, index, engine.dialect.lexical_query("rain", FIELDS)))[0] == "1"

    async def test_filters_filter_and_do_not_score(self, engine: Engine, index: str) -> None:
        cheap = {"range": {"price": {"lte": 30}}}
        plain = await self.scores(engine, index, {"query": engine.dialect.lexical_query("umbrella", FIELDS)})
        filtered = await self.scores(
            engine, index, {"query": engine.dialect.lexical_query("umbrella", FIELDS, [cheap])}
        )
        assert filtered == pytest.approx(plain)
        assert await self.ids(engine, index, engine.dialect.lexical_query("rain", FIELDS, [cheap])) == ["2"]

    async def test_numbers_and_patterns_among_the_fields_are_no_error(self, engine: Engine, index: str) -> None:
        assert await self.ids(engine, index, engine.dialect.lexical_query("jacket", ["*"])) == ["1"]
        assert await self.ids(engine, index, engine.dialect.lexical_query("jacket", ["name", "price"])) == ["1"]

    async def test_nearest_by_cosine(self, engine: Engine, index: str) -> None:
        scores = await self.scores(engine, index, engine.dialect.knn_clause("embedding", [1.0, 0.0, 0.0], 2))
        assert scores == pytest.approx({"1": 1.0, "2": 0.8}, abs=1e-4)

    async def test_nearest_among_those_that_match(self, engine: Engine, index: str) -> None:
        """The filter works during the search: k matching documents come back, not the k nearest less some."""
        filter = [{"range": {"price": {"lt": 80}}}, {"term": {"brand.keyword": "Acme"}}]
        clause = engine.dialect.knn_clause("embedding", [1.0, 0.0, 0.0], 1, filter)
        assert list(await self.scores(engine, index, clause)) == ["3"]

    async def test_pages_and_total(self, engine: Engine, index: str) -> None:
        answer = await engine.search(index, {"query": {"match_all": {}}, "from": 2, "size": 2})
        assert answer["hits"]["total"] == {"value": 3, "relation": "eq"}
        assert len(answer["hits"]["hits"]) == 1

    async def test_what_is_not_understood_is_refused(self, engine: Engine, index: str) -> None:
        with pytest.raises(EngineRefused, match="nonsense") as refused:
            await engine.search(index, {"query": {"nonsense": {}}})
        assert refused.value.engine_status == 400

    async def found(self, engine: Engine, index: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = (await engine.search(index, body))["hits"]["hits"]
        return hits

    async def ids(self, engine: Engine, index: str, query: dict[str, Any]) -> list[str]:
        return [hit["_id"] for hit in await self.found(engine, index, {"query": query})]

    async def scores(self, engine: Engine, index: str, body: dict[str, Any]) -> dict[str, float]:
        return {hit["_id"]: hit["_score"] for hit in await self.found(engine, index, body)}
