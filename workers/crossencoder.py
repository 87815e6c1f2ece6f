"""A cross-encoder behind the port `Scorer`: tokens, batches, runtime, label.

Rule: the one place where text becomes logits; the worker and `Reranker` differ only in what they do with them.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from workers import activations
from workers.batching import Batches
from workers.passages import Reading, read, stack
from workers.runtimes.base import Runtime
from workers.scorer import Floats, Pair, Scored, ScorerInfo, every
from workers.tokens import Encoded, Tokens


class CrossEncoderScorer:
    """A loaded model. `label` is the position of the label that ranks, None to give all."""

    def __init__(
        self,
        tokens: Tokens,
        runtime: Runtime,
        batches: Batches,
        info: ScorerInfo,
        *,
        label: int | None = None,
        activation: str = "sigmoid",
    ) -> None:
        self.tokens, self.runtime, self.batches, self.info = tokens, runtime, batches, info
        self.label, self.activation = label, activation

    def stream(
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every, best: Sequence[int] = ()
    ) -> Iterator[Scored]:
        encoded = self.tokens.encode_pairs(pairs)
        places = [place for place, found in enumerate(encoded) if found is not None]
        rows = [found for found in encoded if found is not None]
        if failed := [place for place, found in enumerate(encoded) if found is None and wanted(place)]:
            yield Scored(failed, self._nothing(len(failed)), stack([(0, 0)] * len(failed)) if any(best) else None)
        if any(best):
            yield from self._passages(pairs, dict(zip(places, rows, strict=True)), wanted, best)
            return
        for batch, logits in self._run(rows, lambda number: wanted(places[number])):
            yield Scored([places[number] for number in batch], logits)

    def _passages(
        self, pairs: Sequence[Pair], rows: dict[int, Encoded], wanted: Callable[[int], bool], best: Sequence[int]
    ) -> Iterator[Scored]:
        """The same where documents may be read as passages: a pair is yielded with its last one."""
        readings = {place: read(self.tokens, *pairs[place], row, best[place] > 0) for place, row in rows.items()}
        first = [(place, 0) for place in readings]
        further = [(place, number) for place, one in readings.items() for number in range(1, len(one.rows))]
        for passages in (first, further):
            for done in self._read(passages, readings, wanted):
                found = [readings[place].result(best[place] or 1) for place in done]
                yield Scored(
                    done, np.array([logit for logit, _ in found], np.float32), stack([span for _, span in found])
                )

    def _read(
        self, passages: Sequence[tuple[int, int]], readings: dict[int, Reading], wanted: Callable[[int], bool]
    ) -> Iterator[list[int]]:
        """Score passages, given as (pair, number of its passage); yield the pairs that each batch completed."""
        rows = [readings[place].rows[number] for place, number in passages]
        for batch, logits in self._run(rows, lambda at: wanted(passages[at][0])):
            done = []
            for at, logit in zip(batch, logits, strict=True):
                place, number = passages[at]
                readings[place].logits[number] = float(logit)
                if readings[place].complete:
                    done.append(place)
            if done:
                yield done

    def _run(self, rows: Sequence[Encoded], wanted: Callable[[int], bool]) -> Iterator[tuple[list[int], Floats]]:
        """Positions of `rows` and their logits, batch by batch."""

        def forward(batch: list[int]) -> Floats:
            return self._reduce(self.runtime.forward(*self.tokens.batch([rows[number] for number in batch])))

        for batch, logits in self.batches.run([len(row.ids) for row in rows], forward, wanted):
            yield batch, self._nothing(len(batch)) if logits is None else logits

    def _nothing(self, count: int) -> Floats:
        width = len(self.info.labels)
        return np.full((count, width) if width > 1 else count, np.nan, np.float32)

    def _reduce(self, logits: Floats) -> Floats:
        if self.label is not None:
            return activations.ranking_logit(logits, self.label, self.activation)
        return logits[:, 0] if logits.shape[1] == 1 else logits
