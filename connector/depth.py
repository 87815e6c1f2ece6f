"""Adaptive depth: stop scoring a window once its top is settled.

Rule: after each chunk the tenth best logit so far is compared with the logits of the last 16 ranks. Where it lies above
their mean by more than a margin, counted in their standard deviations, what lies deeper hardly reaches the first ten.
The depth follows from the logits alone, never from which of them were cached.
"""

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

TOP = 10  # results that are to be right: the first page
LAST = 16  # ranks whose logits stand for what lies deeper


def settled(logits: Sequence[float], margin: float) -> bool:
    """Whether the candidates behind these (first-stage order) are unlikely to reach the first ten. Pure. NaN, a text
    that could not be read, is passed over.
    """
    known = [logit for logit in logits if not math.isnan(logit)]
    last = known[-LAST:]
    if len(known) < TOP or len(last) < 2:
        return False
    tenth = sorted(known, reverse=True)[TOP - 1]
    return tenth - fmean(last) > margin * pstdev(last)
