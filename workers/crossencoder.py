"""A cross-encoder behind the port `Scorer`: tokens, batches, runtime, label.

Rule: the one place where text becomes logits; the worker and `Reranker` differ only in what they do with them.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from workers import activations
from workers.batching import Batches
from workers.runtimes.base import Runtime
from workers.scorer import Floats, Pair, ScorerInfo, every
from workers.tokens import Tokens


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
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every
    ) -> Iterator[tuple[Sequence[int], Floats]]:
        encoded = self.tokens.encode_pairs(pairs)
        places = [place for place, found in enumerate(encoded) if found is not None]
        rows = [found for found in encoded if found is not None]
        failed = [place for place, found in enumerate(encoded) if found is None and wanted(place)]
        if failed:
            yield failed, self._nothing(len(failed))

        def forward(batch: list[int]) -> Floats:
            return self._reduce(self.runtime.forward(*self.tokens.batch([rows[number] for number in batch])))

        lengths = [len(row.ids) for row in rows]
        for batch, logits in self.batches.run(lengths, forward, lambda number: wanted(places[number])):
            yield [places[number] for number in batch], self._nothing(len(batch)) if logits is None else logits

    def _nothing(self, count: int) -> Floats:
        width = len(self.info.labels)
        return np.full((count, width) if width > 1 else count, np.nan, np.float32)

    def _reduce(self, logits: Floats) -> Floats:
        if self.label is not None:
            return activations.ranking_logit(logits, self.label, self.activation)
        return logits[:, 0] if logits.shape[1] == 1 else logits
