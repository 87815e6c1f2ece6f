"""What a won or a lost query is made of: the documents of both first ten, where they were and where they are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.evaluation.answers import LABEL_CHARACTERS, LABELLED, Answered
from connector.evaluation.judgments import Query
from connector.evaluation.statistics import EQUAL


@dataclass(frozen=True, slots=True)
class Move:
    """A document of either list. Ranks are 1-based, None where it is not on the list; `grade` None: not judged."""

    id: str
    label: str
    grade: int | None
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One query: its measure before and after, and the documents that moved."""

    query: Query
    before: float
    after: float
    moves: tuple[Move, ...]  # those that explain it, the judged ones, first

    @property
    def gain(self) -> float:
        return self.after - self.before


def changes(
    queries: Sequence[Query],
    old: Mapping[str, Answered],
    new: Mapping[str, Answered],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> list[Change]:
    """Every query whose measure differs, the greatest gain first."""
    changed = [
        Change(query, before[query.id], after[query.id], moves(query, old[query.id], new[query.id]))
        for query in queries
        if abs(after[query.id] - before[query.id]) > EQUAL
    ]
    return sorted(changed, key=lambda change: (-change.gain, change.query.id))


def moves(query: Query, old: Answered, new: Answered) -> tuple[Move, ...]:
    """Documents of the first ten of either list whose rank differs: the judged ones, then the others, in new order."""
    before = {key: rank for rank, key in enumerate(old.ids, start=1)}
    after = {key: rank for rank, key in enumerate(new.ids, start=1)}
    shown = dict.fromkeys([*new.ids[:LABELLED], *old.ids[:LABELLED]])
    labels = old.labels | new.labels
    moved = [
        Move(key, labels.get(key, key)[:LABEL_CHARACTERS], query.grades.get(key), before.get(key), after.get(key))
        for key in shown
        if before.get(key) != after.get(key)
    ]
    return tuple(sorted(moved, key=lambda move: move.grade is None))
