"""What a system answered to a query, and the file in which answers are kept: one JSON line each, written at once.

A line's key is a hash of all that the answer depends on (system, query, index, model). A run that was killed, or that
ended with answers that cannot be used, asks again only what is missing; a changed policy or index is asked anew.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from connector.evaluation.judgments import Query
from connector.evaluation.systems import System

GUARDS = ("language", "length", "too_few")
"""Skips that are stated and right: the model was not made for the query, or there was nothing to put in order."""

LABELLED = 10  # places whose documents are shown by name
LABEL_CHARACTERS = 200  # of a name: where a document has no title it is the first of its texts


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """One list, best first. `state` and what follows is what the product says of a reranked one ("" of another);
    `took_ms` is the whole answer, `ms` what reranking added to it.
    """

    key: str
    system: str
    query: str
    ids: list[str]
    labels: dict[str, str] = {}
    took_ms: float = 0.0
    state: str = ""
    reason: str = ""
    scored: int = 0
    cached: int = 0
    window: int = 0
    ms: float = 0.0
    knn: str = ""

    @property
    def outcome(self) -> str:
        """`applied`, `skipped: language`, ..."""
        return f"{self.state}: {self.reason}" if self.reason else self.state

    @property
    def guarded(self) -> bool:
        return self.state == "skipped" and self.reason in GUARDS

    @property
    def sound(self) -> bool:
        """Whether a table may count it: not reranked at all, reranked whole, or a stated skip; vectors as wanted."""
        whole = self.state in ("", "applied") or self.guarded
        return whole and self.knn in ("", "fused")


class AnswerLog:
    """The answers of earlier runs into the same folder, and a place for new ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Answered] = {}
        decoder = msgspec.json.Decoder(Answered)
        for line in path.read_bytes().splitlines() if path.exists() else []:
            try:
                found = decoder.decode(line)
            except msgspec.MsgspecError:
                continue  # the last line of a killed run
            if found.sound:
                self._known[found.key] = found
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        if path.stat().st_size:
            self._file.write(b"\n")  # so that what follows half a line is whole

    def __len__(self) -> int:
        return len(self._known)

    def known(self, key: str) -> Answered | None:
        return self._known.get(key)

    def keep(self, answered: Answered) -> None:
        self._file.write(msgspec.json.encode(answered) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def answer_key(system: System, query: Query, place: Sequence[Any]) -> str:
    """`place`: whatever else an answer depends on, as JSON values."""
    parts = [system.by, system.cold, system.policy.model_dump(), query.text, list(query.filter), list(place)]
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
