"""Scores and query vectors that were computed before, in Redis.

A score is found only under the very model, template, passage rule, query and text that it was computed from. What is
stored is the float32 logit, never a probability. A text that the model could not read is remembered for
`UNREADABLE_S` only: it must not crash a model again with every search, nor stay unscored after a mended worker.
"""

import struct
import time
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connector.errors import RerankError
from connector.keys import Keys
from connector.store import Store

UNREADABLE_S = 60
MOST_SCORES = 100_000  # of one query and model, 6 MB; a query with more begins again
LOGIT = struct.Struct("<f")
PASSAGE = struct.Struct("<fII")  # the logit, and the best passage's first and behind-the-last character
UNREADABLE = struct.Struct("<fI")  # NaN, and the second of the epoch until which it stands


class Score(NamedTuple):
    """A logit, and where passages were read the characters (start, end) of the best one."""

    logit: float
    span: tuple[int, int] | None = None


class ScoreCache:
    """One Redis hash a query and model: field = what stands for the text, value = logit. Nothing here raises.

    A hash is bounded by MOST_SCORES: searches keep it alive while the texts change, and one query may be asked of the
    rerank API with ever new documents.
    """

    def __init__(self, store: Store, keys: Keys, ttl_s: int) -> None:
        self.store = store
        self.keys = keys
        self.ttl_s = ttl_s

    async def read(self, key: bytes, fields: Sequence[bytes], wait_s: float) -> dict[bytes, Score]:
        """The known scores of `fields`; {} where the cache cannot be asked within `wait_s`. One round trip."""
        try:
            (values,) = await self.store.ask(("HMGET", key, *fields), wait_s=wait_s)
        except RerankError:
            return {}
        now = time.time()
        known = {}
        for field, value in zip(fields, values, strict=True):
            size = len(value) if isinstance(value, bytes) else 0
            if size == LOGIT.size:
                known[field] = Score(*LOGIT.unpack(value))
            elif size == PASSAGE.size:
                logit, start, end = PASSAGE.unpack(value)
                known[field] = Score(logit, (start, end))
            elif size == UNREADABLE.size and UNREADABLE.unpack(value)[1] > now:
                known[field] = Score(float("nan"))
        return known

    async def write(self, key: bytes, scores: Mapping[bytes, Score]) -> None:
        """Keep scores by what stands for their texts for `ttl_s`. One round trip."""
        until = int(time.time()) + UNREADABLE_S
        values = [part for field, score in scores.items() for part in (field, _packed(score, until))]
        try:
            *_, count = await self.store.ask(("HSET", key, *values), ("EXPIRE", key, self.ttl_s), ("HLEN", key))
            if count > MOST_SCORES:
                await self.store.ask(("UNLINK", key))
        except RerankError:
            return


def _packed(score: Score, until: int) -> bytes:
    if score.logit != score.logit:
        return UNREADABLE.pack(score.logit, until)
    return LOGIT.pack(score.logit) if score.span is None else PASSAGE.pack(score.logit, *score.span)


class VectorCache:
    """Vectors of queries, float32, by embedder and query. Nothing here raises."""

    def __init__(self, store: Store, keys: Keys, ttl_s: int) -> None:
        self.store = store
        self.keys = keys
        self.ttl_s = ttl_s

    async def read(self, key: bytes) -> "array[float] | None":
        try:
            (value,) = await self.store.ask(("GET", key))
        except RerankError:
            return None
        return array("f", value) if isinstance(value, bytes) and value and len(value) % 4 == 0 else None

    async def write(self, key: bytes, vector: "array[float]") -> None:
        try:
            await self.store.ask(("SET", key, vector.tobytes(), "EX", self.ttl_s))
        except RerankError:
            return
