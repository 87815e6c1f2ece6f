"""The port that the worker and `Reranker` score through, and a stub without a model.

Rule: a score is a float32 logit before any activation; NaN stands for a text that could not be scored.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.calibration import Calibration

Pair = tuple[str, str]  # query, document
Floats = NDArray[np.float32]
Spans = NDArray[np.uint32]


class Scored(NamedTuple):
    """Pairs of one batch. `spans` [n, 2] are the characters of each document's best passage, from start to before end;
    None where no pair asked for passages.
    """

    places: Sequence[int]
    logits: Floats  # [n], or [n, labels] of several
    spans: Spans | None = None


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """What a scorer is; everything a worker announces of it."""

    runtime: str  # torch, openvino, onnx, stub
    precision: str  # the runtime class: fp32, bf16, fp16, int8, int4
    device: str
    max_tokens: int
    fingerprint: str  # hex
    labels: tuple[str, ...] = ("LABEL_0",)  # what a row of logits holds, once `label` was applied
    why: str = ""  # one line: how runtime and precision were chosen
    max_query_chars: int = 0  # the longest query that the model was made for; 0: any
    calibration: Calibration | None = None  # what makes its logits probabilities


def every(place: int) -> bool:
    """Want every pair."""
    return True


class Scorer(Protocol):
    """A loaded cross-encoder."""

    info: ScorerInfo

    def stream(
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every, best: Sequence[int] = ()
    ) -> Iterator[Scored]:
        """Yield what each batch completed, the longest pairs first.

        `wanted` is asked before each batch and may drop pairs: those are never yielded. `best`, parallel to `pairs`
        (or empty: all 0), says how a document beyond the window is read: 0: as far as it fits; k: as passages, of which
        the mean of the best k counts. Blocks while it computes. Never raises for a text (it gets NaN); raises
        DeviceLost when only a new process helps.
        """
        ...


def score(scorer: Scorer, pairs: Sequence[Pair]) -> Floats:
    """Logits of all pairs in their order: [n], or [n, labels] of several labels."""
    width = len(scorer.info.labels)
    logits = np.full((len(pairs), width) if width > 1 else len(pairs), np.nan, np.float32)
    for places, found, _ in scorer.stream(pairs):
        logits[list(places)] = found
    return logits


class StubScorer:
    """No model: the share of the query's words that the document has, as a logit between -4 and 4."""

    info = ScorerInfo("stub", "fp32", "cpu", max_tokens=1_000_000, fingerprint="0" * 32, why="word overlap, no model")

    def stream(
        self, pairs: Sequence[Pair], wanted: Callable[[int], bool] = every, best: Sequence[int] = ()
    ) -> Iterator[Scored]:
        places = [place for place in range(len(pairs)) if wanted(place)]
        if not places:
            return
        logits = np.array([self._logit(*pairs[place]) for place in places], np.float32)
        spans = np.array([(0, len(pairs[place][1])) for place in places], np.uint32).reshape(-1, 2)
        yield Scored(places, logits, spans if any(best) else None)

    def _logit(self, query: str, document: str) -> float:
        words, found = (set(re.findall(r"\w+", text.lower())) for text in (query, document))
        return 8 * len(words & found) / len(words) - 4 if words else -4.0
