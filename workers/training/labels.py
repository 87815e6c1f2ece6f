"""Models with several labels (entailment, duplicate, topic): their examples, and how well they tell labels apart.

Rule: examples are JSON lines `{"query", "document", "label"}` (`document` may be left out for labels of one text); the
names of the labels are those of the training file, sorted, and become the model's `id2label`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from connector.errors import ConfigError
from connector.evaluation.files import json_object, read_lines, wrong
from workers.training.batches import Example
from workers.training.data import folded

DEV_SHARE = 0.1
"""Share of the training file that is held out where no dev file is given, in whole queries."""

Row = tuple[str, str, str]  # query, document, label


@dataclass(frozen=True, slots=True)
class Labelled:
    """Examples for training and dev, whose label is a position in `names`."""

    names: tuple[str, ...]
    train: list[Example]
    dev: list[Example]


def read_labelled(path: Path, dev: Path | None = None) -> Labelled:
    """Read labelled pairs; without a dev file about every tenth of them, chosen by a fixed seed, is dev, a query's all
    together.

    Raises ConfigError for a malformed line, a single label, a dev label that training does not have, or a single query
    and no dev file.
    """
    rows = _rows(path)
    names = tuple(sorted({label for *_, label in rows}))
    if len(names) < 2:
        raise ConfigError(f"{path}: {len(names)} different labels; telling labels apart needs at least two")
    if dev:
        held = _rows(dev)
    else:
        held, rows = _hold_out(rows)
        if not rows:
            raise ConfigError(f"{path}: one query, of which none can be set apart for dev; give others with --dev")
    if unknown := sorted({label for *_, label in held} - set(names)):
        raise ConfigError(f"{dev}: labels that training does not have: {', '.join(unknown)}")
    number = {name: float(place) for place, name in enumerate(names)}
    train, dev_ = ([Example(one, other, number[label]) for one, other, label in part] for part in (rows, held))
    return Labelled(names, train, dev_)


def _hold_out(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the dev rows and the others; the rows of a query are all in one of them."""
    queries: dict[str, list[Row]] = {}
    for row in rows:
        queries.setdefault(folded(row[0]), []).append(row)
    order = list(queries.values())
    random.Random(0).shuffle(order)
    held: list[Row] = []
    left = iter(order)
    while len(held) < max(1, round(DEV_SHARE * len(rows))):
        held += next(left)
    return held, [row for group in left for row in group]


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    rows = []
    for line, text in read_lines(path):
        row = json_object(path, line, text)
        if not isinstance(row.get("query"), str) or "label" not in row:
            raise wrong(path, line, 'expected {"query": "...", "document": "...", "label": "..."}')
        rows.append((row["query"], str(row.get("document") or ""), str(row["label"])))
    return rows


@dataclass(frozen=True, slots=True)
class Classification:
    """How often labels were told right: `confusion[right][said]` counts examples."""

    names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def accuracy(self) -> float:
        return sum(row[n] for n, row in enumerate(self.confusion)) / max(1, sum(map(sum, self.confusion)))

    @property
    def f1(self) -> dict[str, float]:
        """The F1 of each label; 0 where it was neither right nor said."""
        found = {}
        for n, name in enumerate(self.names):
            said = sum(row[n] for row in self.confusion)
            found[name] = 2 * self.confusion[n][n] / max(1, said + sum(self.confusion[n]))
        return found

    @property
    def macro_f1(self) -> float:
        return fmean(self.f1.values())

    def lines(self) -> list[str]:
        """Return the figures as Markdown."""
        rows = [
            f"| {' | '.join((name, *map(str, row), f'{self.f1[name]:.3f}'))} |"
            for name, row in zip(self.names, self.confusion, strict=True)
        ]
        head = ["right, then said", *self.names, "F1"]
        drawn = self.drawn()
        accuracy = _interval([one.accuracy for one in drawn])
        macro_f1 = _interval([one.macro_f1 for one in drawn])
        figures = (
            f"{sum(map(sum, self.confusion))} dev pairs: accuracy {self.accuracy:.4f} ({accuracy}), "
            f"macro-F1 {self.macro_f1:.4f} ({macro_f1})"
        )
        return [figures, "", f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]

    def drawn(self, draws: int = 2000) -> list[Classification]:
        """Return what as many pairs, drawn anew with replacement, would have given: the bootstrap."""
        import numpy as np

        counts = np.array(self.confusion).ravel()
        total = int(counts.sum())
        tables = np.random.default_rng(0).multinomial(total, counts / max(1, total), draws)
        size = len(self.names)
        return [Classification(self.names, tuple(map(tuple, one.reshape(size, size).tolist()))) for one in tables]


def _interval(figures: Sequence[float]) -> str:
    """Return the middle 95 % as text."""
    ordered = sorted(figures)
    low, high = ordered[int(0.025 * len(ordered))], ordered[int(0.975 * len(ordered)) - 1]
    return f"95 % interval {low:.4f} to {high:.4f}"


def classify(names: Sequence[str], right: Sequence[int], logits: Sequence[Sequence[float]]) -> Classification:
    """Count what a model says ([n, labels] logits) against the numbers of the right labels."""
    counts = [[0] * len(names) for _ in names]
    for wanted, row in zip(right, logits, strict=True):
        counts[wanted][max(range(len(row)), key=row.__getitem__)] += 1
    return Classification(tuple(names), tuple(map(tuple, counts)))
