"""What one caller wants of a worker, and what came of it so far. Plain state; `connector.dispatch` moves it.

A reply is believed only as far as it fits: a wrong chunk number or a wrong count of bytes is no score.
"""

import asyncio
import struct
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from connector.reading import Reading
from connector.types import Reason

Span = tuple[int, int]

Chunk = tuple[int, Sequence[str]]
"""A chunk's number (its place in the first-stage order) and its texts."""


def text_bytes(texts: Sequence[str]) -> int:
    """An upper bound of the UTF-8 size that costs no encoding."""
    return sum(map(len, texts)) * (1 if all(map(str.isascii, texts)) else 4)


class Work(ABC):
    """`deadline` is a `time.monotonic()` moment. `finished` gets None when all came, else the reason why not."""

    def __init__(self, number: int, deadline: float) -> None:
        self.id = number
        self.deadline = deadline
        self.finished: asyncio.Future[Reason | None] = asyncio.get_running_loop().create_future()

    def finish(self, reason: Reason | None) -> None:
        if not self.finished.done():
            self.finished.set_result(reason)

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes that are not yet on their way."""

    @property
    @abstractmethod
    def fruitful(self) -> bool:
        """Whether anything came."""

    def take(self, reply: Mapping[str, Any]) -> None:
        """A reply to this request."""
        if "error" in reply:
            self.finish(Reason.TIMEOUT if reply.get("reason") == "timeout" else Reason.MODEL)
        else:
            self.accept(reply)

    @abstractmethod
    def accept(self, reply: Mapping[str, Any]) -> None:
        """A reply that holds results."""


class ScoreWork(Work):
    """Logits by chunk number, for one query; with passages also where each text's best one stands."""

    def __init__(
        self, number: int, deadline: float, query: str, chunks: Sequence[Chunk], reading: Reading | None = None
    ) -> None:
        super().__init__(number, deadline)
        self.query = query
        self.reading = reading or Reading()
        own = text_bytes((query,))  # each chunk may leave in a task of its own, and takes the query along
        self.pending = deque((chunk, texts, own + text_bytes(texts)) for chunk, texts in chunks)
        self.wanted = {chunk: len(texts) for chunk, texts in chunks}
        self.logits: dict[int, tuple[float, ...]] = {}
        self.spans: dict[int, tuple[Span, ...]] = {}

    @property
    def size(self) -> int:
        return sum(size for _, _, size in self.pending)

    @property
    def next_pairs(self) -> int:
        """About how many pairs the model will read for the next chunk."""
        _, texts, _ = self.pending[0]
        return sum(map(self.reading.pairs, texts)) if self.reading.best else len(texts)

    @property
    def fruitful(self) -> bool:
        return bool(self.logits)

    def accept(self, reply: Mapping[str, Any]) -> None:
        chunk, data = reply.get("chunk"), reply.get("logits")
        count = self.wanted.get(chunk) if isinstance(chunk, int) else None
        if count is None or chunk is None or not isinstance(data, bytes) or len(data) != 4 * count:
            return
        if self.reading.best:  # without spans it is the score of a worker that knows no passages: another score
            spans = reply.get("spans")
            if not isinstance(spans, bytes) or len(spans) != 8 * count:
                return
            flat = struct.unpack(f"<{2 * count}I", spans)
            self.spans[chunk] = tuple(zip(flat[::2], flat[1::2], strict=True))
        self.logits[chunk] = struct.unpack(f"<{count}f", data)
        if len(self.logits) == len(self.wanted):
            self.finish(None)


class EmbedWork(Work):
    """Vectors of texts of one kind, all or none."""

    def __init__(self, number: int, deadline: float, kind: str, texts: Sequence[str]) -> None:
        super().__init__(number, deadline)
        self.kind = kind
        self.texts = texts
        self.sent = False
        self.vectors: list[array[float]] = []

    @property
    def size(self) -> int:
        return 0 if self.sent else text_bytes(self.texts)

    @property
    def fruitful(self) -> bool:
        return bool(self.vectors)

    def accept(self, reply: Mapping[str, Any]) -> None:
        data, dims = reply.get("vectors"), reply.get("dims")
        if not isinstance(data, bytes) or not isinstance(dims, int) or dims < 1:
            return
        if len(data) != 4 * dims * len(self.texts):
            return
        step = 4 * dims
        self.vectors = [
            array("f", struct.unpack(f"<{dims}f", data[at : at + step])) for at in range(0, len(data), step)
        ]
        self.finish(None)
