"""The port to an engine: a few verbs over plain data. Dialect, client and vendor errors stop behind it.

`Engine` is for our own business (index, augment, search in the terminal, checks) under the service account. A caller's
search never goes this way: it is relayed as it was written; only the bodies of `Dialect` are shared with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from connector.types import EngineInfo

Json = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of a bulk request. `source` is a JSON object as bytes on one line; None for a delete."""

    index: str
    id: str
    source: bytes | None = None
    action: Literal["index", "create", "update", "delete"] = "index"


@dataclass(frozen=True, slots=True)
class Item:
    """What the engine says of one operation, in the operations' order."""

    id: str
    status: int  # of HTTP: 200, 201, 400, 409, 429
    reason: str = ""  # "" where it worked

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def busy(self) -> bool:
        """The engine asks to try again later."""
        return self.status in (429, 503)


class Dialect(Protocol):
    """Bodies that differ between engines, or must not: pure functions, compared with golden JSON."""

    @property
    def name(self) -> str:
        """`EngineInfo.dialect`."""

    def knn_clause(self, field: str, vector: Sequence[float], k: int, filter: Sequence[object] = ()) -> Json:
        """Top-level body keys that ask for the `k` nearest documents that also match every clause of `filter`."""

    def lexical_query(self, text: str, fields: Sequence[str], filter: Sequence[object] = ()) -> Json:
        """The value of `query` for words over several fields (`name^2` weighs double), all of `filter` matching."""


class Engine(Protocol):
    """One cluster. Every verb raises EngineUnreachable, EngineTimeout, EngineRefused or EngineError, and waits for the
    network only. Names may be aliases where the engine's own address takes them.
    """

    @property
    def info(self) -> EngineInfo:
        """What the cluster said of itself when it was opened."""

    @property
    def dialect(self) -> Dialect:
        """How its bodies are written."""

    async def create_index(self, name: str, body: Mapping[str, object]) -> None:
        """Create one index from settings and mappings. EngineRefused where the name is taken or the body is wrong."""

    async def mapping(self, name: str) -> dict[str, Json]:
        """Each index behind `name` with its mappings, `_meta` among them; empty where there is none."""

    async def update_aliases(self, actions: Sequence[Mapping[str, object]]) -> None:
        """All `add`, `remove` and `remove_index` actions at once, or none."""

    async def bulk(self, operations: Sequence[Operation]) -> list[Item]:
        """One item an operation, in order; a refused document is an item, not an error."""

    async def refresh(self, name: str) -> None:
        """Make what was written visible to searches."""

    async def count(self, name: str) -> int:
        """Documents that searches can see."""

    async def search(self, name: str, body: Mapping[str, object]) -> Json:
        """The engine's answer to `_search`, parsed."""

    async def close(self) -> None:
        """Give the connections back. The engine cannot be used afterwards."""
