"""Installing on a cluster of dictionaries: series, aliases, take-over, and what is refused."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import pytest

from connector.errors import EngineRefused, MappingConflict
from connector.types import EngineInfo
from mappings import Installed, install, switch
from mappings.render import Json


class Dictionaries:
    """The three verbs over dictionaries. `lacks`: an analyzer that this engine refuses."""

    def __init__(self, lacks: str = "") -> None:
        self.indices: dict[str, Json] = {}
        self.aliases: dict[str, set[str]] = {}
        self.lacks = lacks

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(dialect="opensearch", version="3.6.0", tested=True)

    async def create_index(self, name: str, body: Mapping[str, Any]) -> None:
        if name in self.indices:
            raise EngineRefused("resource_already_exists_exception", 400)
        if self.lacks and any(a["type"] == self.lacks for a in body["settings"]["analysis"]["analyzer"].values()):
            raise EngineRefused(f"Unknown analyzer type [{self.lacks}] for [text]", 400)
        self.indices[name] = body["mappings"]
        for alias in body.get("aliases", {}):
            self.aliases.setdefault(alias, set()).add(name)

    async def mapping(self, name: str) -> dict[str, Json]:
        behind = self.aliases.get(name, set())
        return {i: mappings for i, mappings in self.indices.items() if i in behind or fnmatch(i, name)}

    async def update_aliases(self, actions: Sequence[Mapping[str, Any]]) -> None:
        for action in actions:
            for verb, of in action.items():
                getattr(self.aliases.setdefault(of["alias"], set()), {"add": "add", "remove": "discard"}[verb])(
                    of["index"]
                )


async def test_the_first_index_has_its_alias_from_the_start() -> None:
    cluster = Dictionaries()
    assert await install(cluster, "shop", "products") == Installed("products-000001", created=True, live=True)
    assert cluster.aliases == {"products": {"products-000001"}}


async def test_the_same_definition_is_found_again() -> None:
    cluster = Dictionaries()
    await install(cluster, "shop", "products", dims=4)
    again = await install(cluster, "shop", "products", dims=4)
    assert again == Installed("products-000001", created=False, live=True)
    assert len(cluster.indices) == 1


async def test_another_definition_is_loaded_beside_the_live_one_and_takes_over() -> None:
    cluster = Dictionaries()
    await install(cluster, "shop", "products", dims=4)
    beside = await install(cluster, "shop", "products", dims=8)
    assert beside == Installed("products-000002", created=True, live=False)
    assert cluster.aliases["products"] == {"products-000001"}
    resumed = await install(cluster, "shop", "products", dims=8)
    assert resumed == Installed("products-000002", created=False, live=False)
    assert await switch(cluster, "products", beside.index) == ["products-000001"]
    assert cluster.aliases["products"] == {"products-000002"}
    assert (await install(cluster, "shop", "products", dims=8)).live
    assert set(cluster.indices) == {"products-000001", "products-000002"}


async def test_one_series_a_language_behind_one_alias() -> None:
    cluster = Dictionaries()
    for language in ("en", "zh"):
        installed = await install(cluster, "shop", "products", language=language, series=f"products-{language}")
        assert installed == Installed(f"products-{language}-000001", created=True, live=True)
    assert cluster.aliases["products"] == {"products-en-000001", "products-zh-000001"}
    beside = await install(cluster, "shop", "products", language="zh", dims=4, series="products-zh")
    assert await switch(cluster, "products", beside.index) == ["products-zh-000001"]
    assert cluster.aliases["products"] == {"products-en-000001", "products-zh-000002"}


async def test_a_newer_live_index_is_never_downgraded() -> None:
    cluster = Dictionaries()
    await install(cluster, "shop", "products")
    cluster.indices["products-000001"]["_meta"]["secondpass"]["parts"]["shop@fields"] = 99
    with pytest.raises(MappingConflict, match="never downgraded"):
        await install(cluster, "shop", "products")
    assert len(cluster.indices) == 1


async def test_an_older_live_index_gets_a_successor() -> None:
    cluster = Dictionaries()
    await install(cluster, "shop", "products")
    cluster.indices["products-000001"]["_meta"]["secondpass"]["parts"]["shop@fields"] = 0
    assert await install(cluster, "shop", "products") == Installed("products-000002", created=True, live=False)


async def test_somebody_elses_index_is_left_alone() -> None:
    cluster = Dictionaries()
    cluster.indices["products"] = {"properties": {}}
    with pytest.raises(MappingConflict, match="products is an index"):
        await install(cluster, "shop", "products")
    cluster.indices = {"old-shop": {"properties": {}}}
    cluster.aliases = {"products": {"old-shop"}}
    with pytest.raises(MappingConflict, match="leads to old-shop"):
        await install(cluster, "shop", "products")
    assert set(cluster.indices) == {"old-shop"}


async def test_the_fallback_is_tried_where_the_engine_lacks_an_analyzer() -> None:
    cluster = Dictionaries(lacks="cjk")
    await install(cluster, "shop", "products", language="zh")
    assert cluster.indices["products-000001"]["_meta"]["secondpass"]["parts"]["text-zh@fallback"] == 1
    again = await install(cluster, "shop", "products", language="zh")
    assert again == Installed("products-000001", created=False, live=True)


async def test_a_named_list_of_analyzers_is_believed() -> None:
    cluster = Dictionaries(lacks="cjk")
    with pytest.raises(EngineRefused, match="cjk"):
        await install(cluster, "shop", "products", language="zh", analyzers=["cjk"])


async def test_another_refusal_is_not_hidden_by_the_fallback() -> None:
    class Full(Dictionaries):
        async def create_index(self, name: str, body: Mapping[str, Any]) -> None:
            raise EngineRefused("this action would add [1] shards, but this cluster has none left", 400)

    with pytest.raises(EngineRefused, match="shards"):
        await install(Full(), "shop", "products")
