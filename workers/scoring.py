"""One score task: many requests, chunk by chunk.

Rule: chunk 0 of all requests is scored before any chunk 1, so that a deadline keeps every caller's best candidates; a
chunk is answered as soon as it is complete; a request that is late or broken fails alone.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Chunk:
    """A chunk under way: its logits, where each text's best passage stands, and how many are still to come."""

    request: Request
    number: int
    texts: list[str]
    missing: int = 0
    logits: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    spans: NDArray[np.uint32] = field(default_factory=lambda: np.empty((0, 2), np.uint32))

    def __post_init__(self) -> None:
        self.missing = len(self.texts)
        self.logits = np.full(len(self.texts), np.nan, np.float32)
        self.spans = np.zeros((len(self.texts), 2), np.uint32)


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
        places = [(chunk, row) for chunk in chunks if self._alive(chunk.request, send) for row in range(chunk.missing)]
        for chunk in chunks:
            if not chunk.texts:
                self._answer(chunk, send)
        pairs = [(chunk.request.query, chunk.texts[row]) for chunk, row in places]

        def wanted(place: int) -> bool:
            return self._alive(places[place][0].request, send)

        best = [chunk.request.best for chunk, _ in places]
        for done, logits, spans in self.watchdog.each(iter(self.scorer.stream(pairs, wanted, best))):
            touched = []
            for at, (place, logit) in enumerate(zip(done, logits, strict=True)):
                chunk, row = places[place]
                chunk.logits[row] = logit
                if spans is not None:
                    chunk.spans[row] = spans[at]
                chunk.missing -= 1
                touched.append(chunk)
            for chunk in {id(chunk): chunk for chunk in touched}.values():
                if not chunk.missing:
                    self._answer(chunk, send)
            flush()

    def _answer(self, chunk: Chunk, send: Push) -> None:
        request = chunk.request
        if not request.over:
            found = {"request": request.id, "chunk": chunk.number, "logits": chunk.logits.astype("<f4").tobytes()}
            send(found | {"spans": chunk.spans.astype("<u4").tobytes()} if request.best else found)
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
        chunks = {int(place): list(texts) for place, texts in item["chunks"]}
        best = item.get("passages", 0)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadPayload(f"a request is not as the contract has it: {error!r}") from error
    if type(number) is not int or not isinstance(query, str) or not isinstance(deadline, int | float):
        raise BadPayload("id must be an integer, query a string, deadline a number")
    if type(best) is not int or best < 0:
        raise BadPayload("passages must be a number of passages")
    if not all(isinstance(text, str) for texts in chunks.values() for text in texts):
        raise BadPayload("a text is not a string")
    return Request(number, query, float(deadline), chunks, best)
