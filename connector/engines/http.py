"""Everything above the request body, once for both engines: which address a verb calls and how its answer is read.

The adapters add one thing, `request`: their client, and its exceptions in our own terms.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from connector.engines.base import Dialect, Item, Json, Operation
from connector.errors import EngineError, EngineRefused
from connector.types import EngineInfo

NEXT_STEP = {
    401: "set engine.service_auth",
    403: "grant the service account this right on the index",
    413: "send smaller documents, or raise http.max_content_length of the engine",
    429: "the engine is busy: lower --rate",
}


class HttpEngine(ABC):
    """An `Engine` over the REST addresses that both engines share."""

    def __init__(self, info: EngineInfo, dialect: Dialect) -> None:
        self._info = info
        self._dialect = dialect

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @abstractmethod
    async def request(self, method: str, target: str, body: bytes | None = None, *, lines: bool = False) -> Any:
        """The parsed answer of one call; `lines` says that the body is NDJSON. Raises EngineError and its kinds."""

    @abstractmethod
    async def close(self) -> None: ...

    async def create_index(self, name: str, body: Mapping[str, object]) -> None:
        await self.request("PUT", f"/{_part(name)}", orjson.dumps(body))

    async def mapping(self, name: str) -> dict[str, Json]:
        try:
            answer = await self.request("GET", f"/{_part(name)}/_mapping")
        except EngineRefused as refused:
            if refused.engine_status == 404:
                return {}
            raise
        return {index: found.get("mappings", {}) for index, found in answer.items()}

    async def update_aliases(self, actions: Sequence[Mapping[str, object]]) -> None:
        await self.request("POST", "/_aliases", orjson.dumps({"actions": list(actions)}))

    async def bulk(self, operations: Sequence[Operation]) -> list[Item]:
        if not operations:
            return []
        answer = await self.request("POST", "/_bulk", _bulk_body(operations), lines=True)
        items = [_item(outcome) for entry in answer["items"] for outcome in entry.values()]
        if len(items) != len(operations):
            raise EngineError(f"the engine answered {len(items)} of {len(operations)} bulk operations; send them again")
        return items

    async def refresh(self, name: str) -> None:
        await self.request("POST", f"/{_part(name)}/_refresh")

    async def count(self, name: str) -> int:
        return int((await self.request("GET", f"/{_part(name)}/_count"))["count"])

    async def search(self, name: str, body: Mapping[str, object]) -> Json:
        answer: Json = await self.request("POST", f"/{_part(name)}/_search", orjson.dumps(body))
        return answer


def refusal(status: int, answer: object) -> EngineRefused:
    """The engine's own words for a refused call, and what can be done about it. `answer`: parsed JSON, text or None."""
    hint = NEXT_STEP.get(status)
    said = f"the engine answered {status}: {reason_of(answer)}"
    return EngineRefused(f"{said}; {hint}" if hint else said, status)


def reason_of(answer: object) -> str:
    """`type: reason, caused by ...` of an engine error, from a whole answer, its `error` or a bulk item's."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return str(error or "no reason given")[:500]
    said = f"{error.get('type', 'error')}: {error.get('reason', '')}"
    cause = error.get("caused_by")
    return f"{said}, caused by {reason_of(cause)}" if isinstance(cause, dict) and cause != error else said


def _part(name: str) -> str:
    return quote(name, safe=",*-_.")


def _bulk_body(operations: Sequence[Operation]) -> bytes:
    lines: list[bytes] = []
    for operation in operations:
        lines.append(orjson.dumps({operation.action: {"_index": operation.index, "_id": operation.id}}))
        if operation.source is not None:
            lines.append(operation.source)
    return b"\n".join([*lines, b""])


def _item(outcome: Json) -> Item:
    return Item(str(outcome["_id"]), int(outcome["status"]), reason_of(outcome["error"]) if "error" in outcome else "")
