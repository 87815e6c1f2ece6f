"""An engine in this process: for tests that need lists, not a server. Same verbs, same dialect as OpenSearch.

It keeps what the port promises (aliases, refused documents as items, visibility after `refresh`, `_meta`), and searches
exactly; it has no analyzers, no shards and no security.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import orjson

from connector.engines.base import Dialect, Item, Json, Operation
from connector.engines.bodies import OpenSearchDialect
from connector.engines.memory_query import compile_query
from connector.errors import EngineRefused
from connector.types import EngineInfo

NUMBERS = frozenset({"byte", "double", "float", "half_float", "integer", "long", "short"})


@dataclass(slots=True)
class _Index:
    mappings: Json
    written: dict[str, Json] = field(default_factory=dict)
    visible: dict[str, Json] = field(default_factory=dict)


class MemoryEngine:
    """An `Engine` that forgets everything with the process."""

    def __init__(self) -> None:
        self._indices: dict[str, _Index] = {}
        self._aliases: dict[str, set[str]] = {}

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("opensearch", "memory", tested=True)

    @property
    def dialect(self) -> Dialect:
        return OpenSearchDialect()

    async def create_index(self, name: str, body: Mapping[str, Any]) -> None:
        if name in self._indices or name in self._aliases:
            raise EngineRefused(f"resource_already_exists_exception: {name} already exists", 400)
        self._indices[name] = _Index(dict(body.get("mappings", {})))
        for alias in body.get("aliases", {}):
            self._aliases.setdefault(alias, set()).add(name)

    async def mapping(self, name: str) -> dict[str, Json]:
        return {index: self._indices[index].mappings for index in self._behind(name)}

    async def update_aliases(self, actions: Sequence[Mapping[str, Any]]) -> None:
        for action in actions:
            for body in action.values():
                if body["index"] not in self._indices:
                    raise EngineRefused(f"index_not_found_exception: no such index [{body['index']}]", 404)
        for action in actions:
            for verb, body in action.items():
                if verb == "add":
                    self._aliases.setdefault(body["alias"], set()).add(body["index"])
                elif verb == "remove":
                    self._leave(body["alias"], body["index"])
                else:
                    del self._indices[body["index"]]
                    for alias in list(self._aliases):
                        self._leave(alias, body["index"])

    async def bulk(self, operations: Sequence[Operation]) -> list[Item]:
        return [self._apply(operation) for operation in operations]

    async def refresh(self, name: str) -> None:
        for index in self._needed(name):
            index.visible = dict(index.written)

    async def count(self, name: str) -> int:
        return sum(len(index.visible) for index in self._needed(name))

    async def search(self, name: str, body: Mapping[str, Any]) -> Json:
        self._needed(name)
        hits: list[Json] = []
        for index in self._behind(name):
            documents = self._indices[index].visible
            clause = compile_query(body.get("query", {"match_all": {}}), documents)
            for key, source in documents.items():
                if (score := clause(key, source)) is not None:
                    hits.append({"_index": index, "_id": key, "_score": score, "_source": source})
        hits.sort(key=lambda hit: -hit["_score"])
        first = int(body.get("from", 0))
        page = hits[first : first + int(body.get("size", 10))]
        best = hits[0]["_score"] if hits else None
        total = {"value": len(hits), "relation": "eq"}
        return {"took": 0, "timed_out": False, "hits": {"total": total, "max_score": best, "hits": page}}

    async def close(self) -> None:
        """Nothing to give back."""

    def _behind(self, name: str) -> list[str]:
        if name in self._aliases:
            return sorted(self._aliases[name])
        return sorted(index for index in self._indices if fnmatchcase(index, name))

    def _needed(self, name: str) -> list[_Index]:
        found = [self._indices[index] for index in self._behind(name)]
        if not found and "*" not in name:
            raise EngineRefused(f"index_not_found_exception: no such index [{name}]", 404)
        return found

    def _leave(self, alias: str, index: str) -> None:
        self._aliases.get(alias, set()).discard(index)
        if not self._aliases.get(alias):
            self._aliases.pop(alias, None)

    def _apply(self, operation: Operation) -> Item:
        behind = self._behind(operation.index)
        if len(behind) != 1:
            return Item(operation.id, 404, f"index_not_found_exception: no such index [{operation.index}]")
        index = self._indices[behind[0]]
        known = operation.id in index.written
        if operation.action == "delete":
            index.written.pop(operation.id, None)
            return Item(operation.id, 200 if known else 404)
        if operation.action == "create" and known:
            return Item(operation.id, 409, "version_conflict_engine_exception: document already exists")
        if operation.action == "update" and not known:
            return Item(operation.id, 404, "document_missing_exception: document missing")
        given = orjson.loads(operation.source or b"{}")
        source = index.written[operation.id] | given.get("doc", {}) if operation.action == "update" else given
        if fault := _fault(index.mappings, source):
            return Item(operation.id, 400, f"mapper_parsing_exception: {fault}")
        index.written[operation.id] = source
        return Item(operation.id, 200 if known else 201)


def _fault(mappings: Json, source: Json) -> str:
    """What an engine would refuse of the values; "" where nothing."""
    for name, kind in mappings.get("properties", {}).items():
        value = source.get(name)
        if value is None:
            continue
        if kind.get("type") == "knn_vector":
            if len(value) != kind["dimension"]:
                return f"failed to parse field [{name}]: vector dimension mismatch"
        elif kind.get("type") in NUMBERS and not all(map(_is_number, value if isinstance(value, list) else [value])):
            return f"failed to parse field [{name}] of type [{kind['type']}]"
        elif kind.get("type") in ("text", "keyword") and isinstance(value, dict):
            return f"failed to parse field [{name}] of type [{kind['type']}]: an object"
    return ""


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False
