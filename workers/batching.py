"""Batches of about equal cost, and what happens when one fails.

Rule: a batch holds texts of like length and at most a budget of padded tokens; one that fails is halved until the text
that cannot be scored stands alone: it gets NaN, every other text its score.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.runtimes.base import DeviceLost, OutOfMemory

Floats = NDArray[np.float32]
Batch = list[int]

CPU_TOKENS = 1024  # best of 512 to 4,096 on CPU (docs: performance): 8-16 pairs stay in the second-level cache
GPU_TOKENS = 32_768
STEP = 8  # a batch is as many tokens wide as its longest text, up to the next multiple of this: few shapes
REMEMBERED = 1000  # failed texts remembered so that each is logged once

log = logging.getLogger("secondpass.worker")


def width(longest: int) -> int:
    """Tokens that a batch is padded to. OpenVINO keeps what it made for each shape that it has met, half a megabyte and
    more, and multiplies matrices of multiples of 8 faster; so do GPUs.
    """
    return -(-longest // STEP) * STEP


def plan(lengths: Sequence[int], budget: int) -> list[Batch]:
    """Positions of `lengths` in batches, longest first; rows x width of a batch stay within `budget` tokens, unless
    one text alone is longer.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    batches: list[Batch] = []
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, width(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches


RECOVERED = 100  # batches that went well


class Batches:
    """Runs texts through a `forward` batch by batch; remembers how much fits the memory."""

    def __init__(self, budget: int) -> None:
        self.budget = self.most = budget
        self._good = 0  # batches since the budget was changed
        self._logged: set[int] = set()

    def run(
        self,
        lengths: Sequence[int],
        forward: Callable[[Batch], Floats],
        wanted: Callable[[int], bool] = lambda place: True,
    ) -> Iterator[tuple[Batch, Floats | None]]:
        """Yield (positions, rows [n, width]) after each batch, None for the rows of a text that failed.

        `wanted` is asked before each batch: a position it refuses is left out, and never yielded. Raises DeviceLost.
        """
        waiting = plan(lengths, self.budget)[::-1]
        while waiting:
            batch = [place for place in waiting.pop() if wanted(place)]
            if not batch:
                continue
            try:
                rows = forward(batch)
            except DeviceLost:
                raise
            except Exception as error:
                if len(batch) == 1:
                    self._log(lengths[batch[0]], error)
                    yield batch, None
                    continue
                half = (len(batch) + 1) // 2
                if isinstance(error, OutOfMemory):
                    self._shrink(half * width(lengths[batch[0]]))
                waiting += [batch[half:], batch[:half]]
                continue
            broken = ~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
            if broken.any():
                rows = rows.copy()
                rows[broken] = np.nan
                self._log(max(lengths[place] for place in batch), ValueError("the model gave NaN or infinity"))
            self._recover()
            yield batch, rows

    def _shrink(self, budget: int) -> None:
        if budget < self.budget:
            self.budget, self._good = budget, 0
            log.warning("batch halved: out of memory, from now on %d tokens a batch", budget)

    def _recover(self) -> None:
        """A shortage passes: after `RECOVERED` batches twice as much is tried again."""
        if self.budget < self.most:
            self._good += 1
            if self._good >= RECOVERED:
                self.budget, self._good = min(self.most, 2 * self.budget), 0

    def _log(self, length: int, error: Exception) -> None:
        seen = hash((length, type(error), str(error)))
        if seen not in self._logged and len(self._logged) < REMEMBERED:
            self._logged.add(seen)
            log.error("text not scored: %d tokens, %s: %s", length, type(error).__name__, error)
