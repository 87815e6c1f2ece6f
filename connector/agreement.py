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

_PARTS = re.compile(r"\s*[>|»]\s*|\s+/\s+")


def path(value: object) -> Path:
    """The category path that a field's values are, from the root: a list of names, or one text parted by ">", "|" or
    " / "; () where there is none.
    """
    values = value if isinstance(value, list) else [value]
    names = [name for one in values if isinstance(one, str) for name in _PARTS.split(one.strip()) if name]
    return tuple(names)


def agreements(values: Sequence[float], paths: Sequence[Path]) -> list[float]:
    """For each document, 0 to 1: the share of the longer path that it has in common with a document of the list, in the
    mean over all of them, each weighted by e^(SHARPNESS * its value). `values` are what the list is sorted by so far,
    on a scale of 0 to 1; a document without a path agrees with nobody.
    """
    best = max(values, default=0.0)
    together: dict[Path, float] = {}
    for one, value in zip(paths, values, strict=True):
        together[one] = together.get(one, 0.0) + math.exp(SHARPNESS * (value - best))
    total = math.fsum(together.values()) or 1.0
    found = {
        one: math.fsum(common(one, other) * weight for other, weight in together.items()) / total for one in together
    }
    return [found[one] for one in paths]


def common(one: Path, other: Path) -> float:
    """The share of the longer path that both have in common, from the root on; 0 where either is empty."""
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared / max(len(one), len(other), 1)
