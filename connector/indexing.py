"""Documents into an index: embedded, sent in batches, every one of them counted as indexed or rejected.

A batch is embedded while the one before it is sent; an engine that is busy or away is given time; a document that it
refuses is rejected alone. What ends a run (no worker, no engine, Ctrl-C) loses nothing: the journal knows where it was.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import orjson

from connector.engines.base import Engine, Item, Operation
from connector.errors import EngineError, EngineRefused, EngineTimeout, EngineUnreachable
from connector.journal import Journal, Tally
from connector.records import Record, Rejected
from connector.vectors import Vectors, find_vectors

BATCH = 256  # documents: with 384 dimensions about 2 MB, and four tasks of an embed worker
WAITS_S = (0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30)  # between tries when the engine is busy or away: two and a half minutes
NOT_THE_DOCUMENT = (401, 403, 404)  # no right, a block on the index, no index: no document would be taken
WHOLE_REFUSED = (400, 413)  # a request that one document can spoil: an empty or too long id, too many bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """The engine cannot take documents now; the next try is after `seconds`."""

    seconds: float
    why: str


Watch = Callable[[Tally | Waiting], None]


async def load(
    engine: Engine,
    records: Iterable[Record | Rejected],
    index: str,
    journal: Journal,
    *,
    vectors: Vectors | None = None,
    rate: float | None = None,
    watch: Watch = lambda event: None,
) -> Tally:
    """Index what follows the journal's position; `rate` is documents a second at most, `watch` hears of every batch.

    The documents are visible when it returns. Raises RerankError where they cannot be embedded, EngineError and its
    kinds where the engine stays away; the same call with the same records then goes on where this one ended.
    """
    sender = _Sender(engine, index, watch, _Pace(rate))
    ahead: asyncio.Task[_Batch] | None = None
    try:
        for items in _batches(islice(records, journal.tally.records, None), sender.pace.batch):
            behind, ahead = ahead, asyncio.create_task(_prepare(items, vectors))
            if behind:
                watch(await _settle(await behind, sender, journal))
        if ahead:
            watch(await _settle(await ahead, sender, journal))
    finally:
        if ahead:
            ahead.cancel()
    await engine.refresh(index)
    journal.finish()
    return journal.tally


@dataclass(slots=True)
class _Batch:
    ready: list[tuple[Record, bytes]] = field(default_factory=list)  # with the source as JSON
    rejected: list[Rejected] = field(default_factory=list)
    bare: set[int] = field(default_factory=set)  # lines of those that are ready without a vector that was wanted


async def _prepare(items: Sequence[Record | Rejected], vectors: Vectors | None) -> _Batch:
    batch = _Batch(rejected=[item for item in items if isinstance(item, Rejected)])
    records = [item for item in items if isinstance(item, Record)]
    found = await find_vectors(records, vectors) if vectors else {}
    for record in records:
        vector = found.get(record.line)
        if isinstance(vector, str):
            batch.rejected.append(Rejected(record.line, record.id, vector, record.source))
        else:
            if vectors and not vector:
                batch.bare.add(record.line)
            whole = {**record.source, vectors.field: vector} if vectors and vector else record.source
            batch.ready.append((record, orjson.dumps(whole)))
    return batch


async def _settle(batch: _Batch, sender: "_Sender", journal: Journal) -> Tally:
    indexed, rejected = await sender.send(batch)
    return journal.note(indexed, rejected, len(batch.bare - {item.line for item in rejected}))


@dataclass(slots=True)
class _Pace:
    """Batches not before their time, where a rate is set."""

    rate: float | None
    due: float = field(default_factory=time.monotonic)

    @property
    def batch(self) -> int:
        """Documents a batch: no more than a second's worth, so that a throttled load flows."""
        return max(1, min(BATCH, int(self.rate))) if self.rate else BATCH

    async def wait(self, documents: int) -> None:
        if self.rate:
            await asyncio.sleep(max(0.0, self.due - time.monotonic()))
            self.due = max(self.due, time.monotonic()) + documents / self.rate


@dataclass(frozen=True, slots=True)
class _Sender:
    engine: Engine
    index: str
    watch: Watch
    pace: _Pace

    async def send(self, batch: _Batch) -> tuple[int, list[Rejected]]:
        """How many of the batch are indexed now, and those that never will be, in the file's order."""
        indexed, rejected = 0, list(batch.rejected)
        waiting = batch.ready
        await self.pace.wait(len(waiting))
        for seconds in (*WAITS_S, None):
            items, why = await self._try(waiting)
            again = []
            for (record, source), item in zip(waiting, items, strict=True):
                if item.busy:
                    again.append((record, source))
                elif item.ok:
                    indexed += 1
                elif item.status in NOT_THE_DOCUMENT:
                    raise EngineRefused(f"{self.index} takes no documents: {item.reason}", item.status)
                else:
                    rejected.append(Rejected(record.line, record.id, item.reason, record.source))
            if not again:
                break
            if seconds is None:
                raise EngineError(f"the engine takes no documents ({why}); run the same again later, with a lower rate")
            waiting = again
            self.watch(Waiting(seconds, why))
            await asyncio.sleep(seconds * random.uniform(0.8, 1.2))
        return indexed, sorted(rejected, key=lambda item: item.line)

    async def _try(self, batch: Sequence[tuple[Record, bytes]]) -> tuple[list[Item], str]:
        """One item a document; for those that are to be sent again, why."""
        try:
            items = await self._bulk(batch)
        except (EngineUnreachable, EngineTimeout) as error:
            return [Item(record.id, 503, str(error)) for record, _ in batch], str(error)
        except EngineRefused as refused:
            if refused.engine_status not in (429, 502, 503, 504):
                raise
            return [Item(record.id, 429, str(refused)) for record, _ in batch], str(refused)
        return items, next((item.reason for item in items if item.busy), "")

    async def _bulk(self, batch: Sequence[tuple[Record, bytes]]) -> list[Item]:
        """As the engine's `bulk`; a request that is refused as a whole is halved until the culprit is alone."""
        try:
            return await self.engine.bulk([Operation(self.index, record.id, source) for record, source in batch])
        except EngineRefused as refused:
            if refused.engine_status not in WHOLE_REFUSED:
                raise
            if len(batch) == 1:
                return [Item(batch[0][0].id, refused.engine_status, str(refused))]
        half = len(batch) // 2
        return await self._bulk(batch[:half]) + await self._bulk(batch[half:])


def _batches(items: Iterable[Record | Rejected], size: int) -> Iterator[list[Record | Rejected]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
