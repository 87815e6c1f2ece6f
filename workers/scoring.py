"""One score task: many requests, chunk by chunk.

Rule: chunk 0 of all requests is scored before any chunk 1, so that a deadline keeps every caller's best candidates; a
chunk is answered as soon as it is complete; a request that is late or broken fails alone.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.runtimes.base import DeviceLost
from workers.scorer import Scorer
from workers.watchdog import Watchdog

Push = Callable[[Mapping[str, object]], None]

PUSH_S = 0.001  # a push costs 0.2 ms; batches of a real model take longer than this, so each is told at once
log = logging.getLogger("secondpass.worker")


class BadPayload(ValueError):
    """Raised when a task or a request does not have the shape of the contract."""


@dataclass(slots=True)
class Request:
    """One caller's part of a task; `over` once it was answered for the last time."""

    id: int
    query: str
    deadline: float
    chunks: dict[int, list[str]]
    best: int = 0  # passages whose mean counts; 0: texts are read as far as they fit
    answered: int = 0  # chunks
    over: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk under way."""

    request: Request
    number: int
    texts: list[str]


class Scoring:
    """Works off score tasks with one loaded model."""

    def __init__(self, scorer: Scorer, watchdog: Watchdog, now: Callable[[], float]) -> None:
        self.scorer, self.watchdog, self.now = scorer, watchdog, now

    def run(self, payload: object, push: Callable[[str, Sequence[Mapping[str, object]]], None]) -> None:
        """Score a whole task, blocking. Raises BadPayload (nothing was answered), DeviceLost (everything was), and
        what `push` raises.
        """
        started = time.perf_counter()
        task, reply, raw = read_task(payload)

        outbox: list[Mapping[str, object]] = []
        flushed = started

        def send(body: Mapping[str, object]) -> None:
            outbox.append({"task": task, **body})

        def flush(last: bool = False) -> None:
            """Push what one batch completed, but not more often than `PUSH_S`."""
            nonlocal flushed
            now = time.perf_counter()
            if outbox and (last or now - flushed >= PUSH_S):
                push(reply, outbox.copy())
                outbox.clear()
                flushed = now

        requests = list(self._requests(raw, send))
        lost: DeviceLost | None = None
        for number in sorted({number for request in requests for number in request.chunks}):
            try:
                chunks = [Chunk(one, number, one.chunks[number]) for one in requests if number in one.chunks]
                self._round(chunks, send, flush)
            except DeviceLost as error:
                lost = error
                break
        if lost:
            for request in requests:
                self._fail(request, "model", "the device failed", send)
        send({"done": True, "ms": 1000 * (time.perf_counter() - started)})
        flush(last=True)
        if lost:
            raise lost

    def _requests(self, raw: list[object], send: Push) -> Iterator[Request]:
        for item in raw:
            try:
                yield read_request(item)
            except BadPayload as error:
                log.error("request refused: %s", error)
                if isinstance(item, dict) and isinstance(item.get("id"), int):
                    send({"request": item["id"], "error": str(error), "reason": "model"})

    def _round(self, chunks: list[Chunk], send: Push, flush: Callable[[], None]) -> None:
        """Score the chunks of one number together, sorted by length across requests."""
        chunks = [chunk for chunk in chunks if self._alive(chunk.request, send)]
        missing = np.array([len(chunk.texts) for chunk in chunks], np.int64)
        ends = missing.cumsum()
        owners = np.repeat(np.arange(len(chunks)), missing)  # a place's chunk
        logits = np.full(len(owners), np.nan, np.float32)
        spans = np.zeros((len(owners), 2), np.uint32)

        def answer(at: int) -> None:
            part = slice(ends[at] - len(chunks[at].texts), ends[at])
            self._answer(chunks[at], logits[part], spans[part], send)

        def wanted(place: int) -> bool:
            return self._alive(chunks[owners[place]].request, send)

        for at in np.flatnonzero(missing == 0).tolist():
            answer(at)
        pairs = [(chunk.request.query, text) for chunk in chunks for text in chunk.texts]
        best = [chunk.request.best for chunk in chunks for _ in chunk.texts]
        for places, found, where in self.watchdog.each(iter(self.scorer.stream(pairs, wanted, best))):
            done = np.asarray(places)
            logits[done] = found
            if where is not None:
                spans[done] = where
            touched, counts = np.unique(owners[done], return_counts=True)
            missing[touched] -= counts
            for at in touched[missing[touched] == 0].tolist():
                answer(at)
            flush()

    def _answer(self, chunk: Chunk, logits: NDArray[np.float32], spans: NDArray[np.uint32], send: Push) -> None:
        request = chunk.request
        if not request.over:
            found = {"request": request.id, "chunk": chunk.number, "logits": logits.astype("<f4").tobytes()}
            send(found | {"spans": spans.astype("<u4").tobytes()} if request.best else found)
            request.answered += 1
            request.over = request.answered == len(request.chunks)

    def _alive(self, request: Request, send: Push) -> bool:
        if not request.over and self.now() >= request.deadline:
            self._fail(request, "timeout", "the deadline passed in the worker", send)
        return not request.over

    def _fail(self, request: Request, reason: str, error: str, send: Push) -> None:
        if not request.over:
            request.over = True
            send({"request": request.id, "error": error, "reason": reason})


def read_task(payload: object) -> tuple[str, str, list[object]]:
    """Task id, reply list and requests. Raises BadPayload."""
    if not isinstance(payload, dict):
        raise BadPayload("the payload is not a map")
    task, reply, requests = payload.get("task"), payload.get("reply"), payload.get("requests")
    if not (isinstance(task, str) and isinstance(reply, str) and isinstance(requests, list)):
        raise BadPayload("task and reply must be strings, requests a list")
    return task, reply, requests


def read_request(item: Any) -> Request:
    """One request of a task. Raises BadPayload."""
    try:
        number, query, deadline = item["id"], item["query"], item["deadline"]
        chunks = {place: list(texts) for place, texts in item["chunks"]}
        best = item.get("passages", 0)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadPayload(f"a request is not as the contract has it: {error!r}") from error
    if (
        not all(type(place) is int for place in (number, *chunks))
        or not isinstance(query, str)
        or not isinstance(deadline, int | float)
    ):
        raise BadPayload("id and chunk numbers must be integers, query a string, deadline a number")
    if type(best) is not int or best < 0:
        raise BadPayload("passages must be a number of passages")
    if not all(set(map(type, texts)) <= {str} for texts in chunks.values()):
        raise BadPayload("a text is not a string")
    return Request(number, query, float(deadline), chunks, best)
