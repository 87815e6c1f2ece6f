"""What this process arranged a moment ago. The engine is always asked first; where its answer is the same again, byte
for byte behind `took`, the hits go to the same places without being read.

Held are positions in the engine's bytes, the scores that were written and the order as Redis keeps it: ids and logits,
no text and no credential. For `LASTS_S` at most, so that a cleared cache is clear soon, and `MOST_BYTES`.
"""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

import xxhash

from connector.dialects.cuts import Cuts, read_took
from connector.types import Outcome

LASTS_S = 60.0
MOST_BYTES = 16_000_000  # about 1,000 windows of 100
OVERHEAD = 1_000  # bytes of an entry's objects, beside what it says
_SEED = secrets.randbits(64)


Basis = tuple[bytes, int, int, bytes | str]
"""What decides a page besides the engine's answer: the search (`Keys.search`), its `from` and `size`, and its order as
Redis keeps it or, where it keeps none, the fingerprint of the model that all scores are of.
"""


@dataclass(frozen=True, slots=True)
class Arranged:
    """An answer's hits in their order. `order` is what Redis keeps; `seal` and `length` are those of the answer."""

    seal: int
    length: int
    until: float
    order: bytes
    outcome: Outcome
    cuts: Cuts

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.order) + self.cuts.size


class Memory:
    """Arranged answers, each with its basis."""

    def __init__(self, most_bytes: int = MOST_BYTES, lasts_s: float = LASTS_S) -> None:
        self.most_bytes = most_bytes
        self.lasts_s = lasts_s
        self.size = 0
        self._known: OrderedDict[Basis, Arranged] = OrderedDict()  # the one used last stands last

    def holds(self, basis: Basis | None) -> bool:
        """Whether an answer was arranged for `basis`, whatever it was."""
        return basis in self._known

    def find(self, basis: Basis | None, body: bytes) -> Arranged | None:
        """What was kept under `basis` for the very answer `body`."""
        known = self._known.get(basis) if basis else None
        if basis is None or known is None or known.length != len(body) - read_took(body)[0]:
            return None
        if known.until < time.monotonic():
            self._drop(basis)
            return None
        if known.seal != _seal(body):
            return None
        self._known.move_to_end(basis)
        return known

    def keep(self, basis: Basis | None, body: bytes, order: bytes, outcome: Outcome, cuts: Cuts) -> None:
        """Forgets what was not used for longest where there would be too much."""
        if basis is None:
            return
        length, until = len(body) - read_took(body)[0], time.monotonic() + self.lasts_s
        self._drop(basis)
        self._known[basis] = arranged = Arranged(_seal(body), length, until, order, outcome, cuts)
        self.size += arranged.size
        while self.size > self.most_bytes:
            self._drop(next(iter(self._known)))

    def _drop(self, basis: Basis) -> None:
        dropped = self._known.pop(basis, None)
        self.size -= dropped.size if dropped else 0


def _seal(body: bytes) -> int:
    """128 bits that stand for all behind `took`, another number in each process: XXH3 takes 0.01 ms for 190 KB,
    Python's own hash 0.1. One basis has one answer at a time, so that two are compared and never many.
    """
    return xxhash.xxh3_128_intdigest(memoryview(body)[read_took(body)[0] :], _SEED)
