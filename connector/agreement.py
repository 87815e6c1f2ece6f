"""How well a document's category agrees with those of the best ones: of an accessory among things, badly. Pure.

A pseudo-relevance feedback (Rocchio's, over categories in place of words): what the first documents of a list have in
common is probably what was meant. A cross-encoder reads one document at a time and cannot see it.
"""

import math
import re
from collections.abc import Sequence

Path = tuple[str, ...]

SHARPNESS = 10.0
"""A document a tenth of the scale below the best one counts e times less: about ten of a hundred count."""

DEEPEST = 12  # names of a path that are read; shops have 3 to 6

LONGEST = 1000  # characters of a path that are read

_PARTS = re.compile(r" ?[>|»] ?| / ")


def path(value: object) -> Path:
    """The category path that a field's values are, from the root: a list of names, or one text parted by ">", "|" or
    " / "; () where there is none.
    """
    values = value if isinstance(value, list) else [value]
    texts = [" ".join(one[:LONGEST].split()) for one in values[:DEEPEST] if isinstance(one, str)]
    return tuple([name for one in texts for name in _PARTS.split(one) if name][:DEEPEST])


def agreements(values: Sequence[float], paths: Sequence[Path]) -> list[float]:
    """For each document, 0 to 1: the share of the longer path that it has in common, from the root on, with a document
    of the list, in the mean over all of them, each weighted by e^(SHARPNESS * its value). `values` are what the list is
    sorted by so far, on a scale of 0 to 1; a document without a path agrees with nobody. Takes time in proportion to
    the documents.
    """
    best = max(values, default=0.0)
    weights = [math.exp(SHARPNESS * (value - best)) for value in values]
    begun: dict[Path, dict[int, float]] = {}  # how a path begins -> length of the whole -> weight of those documents
    for one, weight in zip(paths, weights, strict=True):
        for depth in range(1, len(one) + 1):
            lengths = begun.setdefault(one[:depth], {})
            lengths[len(one)] = lengths.get(len(one), 0.0) + weight
    total = math.fsum(weights) or 1.0
    found: dict[Path, float] = {(): 0.0}
    for one in paths:
        if one not in found:
            parts = (begun[one[:depth]].items() for depth in range(1, len(one) + 1))
            shared = math.fsum(weight / max(len(one), length) for part in parts for length, weight in part)
            found[one] = min(shared / total, 1.0)
    return [found[one] for one in paths]
