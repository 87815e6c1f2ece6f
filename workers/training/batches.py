"""What stands together in a batch: pairs of similar length, whole lists, documents of other queries as negatives.

Rule: order and composition follow from the examples, the settings and the random numbers alone, so that a run that was
killed finds its place again by counting.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from workers.training.mining import coverage

BUCKET = 24
"""Batches that are sorted by length together: padding falls from about 25 % to 4 %, batches stay near random."""


@dataclass(frozen=True, slots=True)
class Example:
    """One pair as text, with its label: 0 to 1, a grade, a teacher's logit, or the number of a label."""

    query: str
    document: str
    label: float


Unit = list[int]  # places of the examples that must stay together: one pair, or a query's list
Batch = list[Unit]


def deal_lists(examples: Sequence[Example], size: int, rng: random.Random) -> list[Unit]:
    """Return the lists: examples in a row with the same query, dealt into lists of at most `size`.

    Dealt by falling label, so that every part of a long list has good and bad documents. Lists whose labels are all
    the same teach no order; they are left out where there are others.
    """
    lists: list[Unit] = []
    for _, places in groupby(range(len(examples)), key=lambda place: examples[place].query):
        found = list(places)
        rng.shuffle(found)
        found.sort(key=lambda place: -examples[place].label)
        parts = -(-len(found) // size)
        lists += [found[part::parts] for part in range(parts)]
    ordered = [unit for unit in lists if len({examples[place].label for place in unit}) > 1]
    return ordered or lists


def cut(
    units: Sequence[Unit], lengths: Sequence[int], size: int, rng: random.Random, mixed: bool = True
) -> list[Batch]:
    """Return batches of about `size` pairs of similar length; a longer list is a batch by itself.

    `mixed` shuffles the units first and the batches last. Without, the units' order is kept from bucket to bucket.
    """
    order = list(range(len(units)))
    if mixed:
        rng.shuffle(order)
    batches: list[Batch] = []
    for bucket in _parts(order, [len(unit) for unit in units], BUCKET * size):
        bucket.sort(key=lambda unit: max(lengths[place] for place in units[unit]))
        packed = [[units[unit] for unit in part] for part in _parts(bucket, [len(unit) for unit in units], size)]
        if not mixed:
            rng.shuffle(packed)
        batches += packed
    if mixed:
        rng.shuffle(batches)
    return batches


def _parts(order: Sequence[int], sizes: Sequence[int], most: int) -> list[list[int]]:
    """Cut an order of units into runs that hold at most `most` pairs, or one unit."""
    parts: list[list[int]] = []
    held = most
    for unit in order:
        if held + sizes[unit] > most:
            parts.append([])
            held = 0
        parts[-1].append(unit)
        held += sizes[unit]
    return parts


def easy_first(units: Sequence[Unit], examples: Sequence[Example]) -> list[Unit]:
    """Return the units by difficulty: how far their labels are from what counting the query's words would say.

    Labels of any scale are spread over 0 to 1 for this.
    """
    low = min(example.label for example in examples)
    width = max(example.label for example in examples) - low or 1.0

    def difficulty(unit: Unit) -> float:
        pairs = [examples[place] for place in unit]
        return fmean(abs((pair.label - low) / width - coverage(pair.query, pair.document)) for pair in pairs)

    return sorted(units, key=difficulty)


def add_strangers(
    batches: Sequence[Batch],
    examples: Sequence[Example],
    known: Mapping[str, Set[str]],
    count: int,
    rng: random.Random,
) -> tuple[list[Batch], list[Example]]:
    """Give each list up to `count` documents of the batch's other lists as negatives (label 0).

    Returns the batches and the new examples, whose places follow those of `examples`. `known` are the documents that a
    query's own examples hold (`known_texts`): whatever their label, they are no strangers to it.
    """
    new: list[Example] = []
    filled: list[Batch] = []
    for batch in batches:
        texts = sorted({examples[place].document for unit in batch for place in unit})
        filled.append([])
        for unit in batch:
            query = examples[unit[0]].query
            others = [text for text in texts if text not in known[query]]
            chosen = rng.sample(others, min(count, len(others)))
            first = len(examples) + len(new)
            new += [Example(query, text, 0.0) for text in chosen]
            filled[-1].append([*unit, *range(first, first + len(chosen))])
    return filled, new


def known_texts(examples: Sequence[Example]) -> dict[str, set[str]]:
    """Return the documents of each query."""
    known: dict[str, set[str]] = {}
    for example in examples:
        known.setdefault(example.query, set()).add(example.document)
    return known
