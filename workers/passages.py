"""Reading a long document as overlapping passages.

Rule: a passage is cut token by token, so that it fills the model's window beside the whole query. The first passage is
what is read without passages, and all first ones are batched together as they would be then: the score of a document
that fits is bit for bit the same either way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from connector.contract import PASSAGE_OVERLAP, PASSAGES_MOST
from workers.scorer import Spans
from workers.tokens import Encoded, Tokens

Span = tuple[int, int]

WORD = 32  # characters by which a shown passage may shrink at either end so that it begins and ends with a whole word


@dataclass(slots=True)
class Reading:
    """A pair as it is read: a row of tokens a passage, and the characters of the document that each stands for."""

    rows: list[Encoded]
    spans: list[Span]
    logits: dict[int, float] = field(default_factory=dict)  # of the passages scored so far

    @property
    def complete(self) -> bool:
        return len(self.logits) == len(self.rows)

    def result(self, best: int) -> tuple[float, Span]:
        """The mean of the `best` best passages (of those that could be scored), and where the best one stands."""
        good = [number for number, logit in sorted(self.logits.items()) if not math.isnan(logit)]
        if not good:
            return math.nan, (0, 0)
        good.sort(key=lambda number: -self.logits[number])
        return fmean(self.logits[number] for number in good[:best]), self.spans[good[0]]


def read(tokens: Tokens, query: str, document: str, row: Encoded, passages: bool) -> Reading:
    """`row` is the pair as it fits the window; with `passages`, where that left something out, there are several."""
    whole = Reading([row], [(0, len(document))])
    if not passages or len(row.ids) < tokens.max_tokens:
        return whole
    windows = tokens.windows(query, document, PASSAGE_OVERLAP, PASSAGES_MOST)
    if len(windows) < 2:
        return whole
    return Reading([one for one, _ in windows], [_whole_words(document, span) for _, span in windows])


def stack(spans: Sequence[Span]) -> Spans:
    """[n, 2]."""
    return np.array(spans, np.uint32).reshape(-1, 2)


def _whole_words(text: str, span: Span) -> Span:
    """The span without the parts of words at its ends, where the rest of them is near; without spaces around it."""
    start, end = span
    if start and not text[start - 1].isspace():
        start = next((at for at in range(start, min(start + WORD, end)) if text[at].isspace()), start)
    if end < len(text) and not text[end].isspace():
        end = next((at for at in range(end, max(end - WORD, start), -1) if text[at - 1].isspace()), end)
    whole = text[start:end].strip()
    if not whole:
        return span
    start = text.index(whole, start)
    return start, start + len(whole)
