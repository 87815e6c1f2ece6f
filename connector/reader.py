"""How a hit is read under a policy: as the text that a model reads, and before that as a mark that stands for it.

The mark is the keyed hash of the raw values that the text is made of. Equal values give equal texts, so a score that is
kept under the mark is that of the text; and of 100 hits whose scores are known no text is put together at all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from connector.keys import Keys
from connector.settings import Model, Policy
from connector.texts import document_text, text_limit

READING = 1
"""Version: rises where the same values give another text than before, or another mark."""

_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_READ = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the `fields` of hits, JSON as the engine wrote it. `rule` says which texts the same values give."""

    keys: Keys
    policy: Policy
    limit: int
    sources: tuple[str, ...]
    rule: str

    @classmethod
    def of(cls, policy: Policy, model: Model, keys: Keys) -> "Reader":
        limit = text_limit(policy, model)
        rule = orjson.dumps([READING, policy.fields, limit]).decode()
        return cls(keys, policy, limit, tuple(_sources(policy.fields)), rule)

    def marks(self, hits: Iterable[bytes]) -> list[bytes]:
        """What stands for each hit's text; b"" for one that has none of the fields."""
        values = [self._values(fields) for fields in hits]
        marks = self.keys.texts(values)
        return [mark if value else b"" for mark, value in zip(marks, values, strict=True)]

    def text(self, fields: bytes) -> str:
        """What the model reads of a hit; "" where there is nothing to read."""
        return document_text(_READ.decode(fields), self.policy, self.limit) if fields else ""

    def value(self, fields: bytes, name: str) -> object:
        """What stands in a hit's `fields` under `name`; None where nothing does."""
        found = _RAW.decode(fields).get(name) if fields else None
        return None if found is None else msgspec.json.decode(found)

    def _values(self, fields: bytes) -> bytes:
        """The values that the text is made of, parted by a byte that no JSON has."""
        found = _RAW.decode(fields) if fields else {}
        return b"\0".join([found.get(name, b"") for name in self.sources]) if found else b""


def _sources(names: Iterable[str]) -> dict[str, None]:
    """Each field's own name and, for one within objects, those of the objects, where Elasticsearch shows it."""
    parts = [name.split(".") for name in names]
    return dict.fromkeys(".".join(part[:depth]) for part in parts for depth in range(len(part), 0, -1))
