"""Queries and the grades of their documents, whatever file they come in; the formats are in the modules beside.

Grades are whole numbers. Where a file has fractions (click models give 0 to 1), all of its grades are multiplied by
`SCALE` and rounded: nDCG does not change by that, and what was above 0.005 still counts as relevant.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from connector.evaluation import exports, folders, trec
from connector.evaluation.files import kind_of

SCALE = 100


@dataclass(frozen=True, slots=True)
class Query:
    """One query and what is known of its documents; `filter` holds query clauses that every hit must match."""

    id: str
    text: str
    grades: Mapping[str, int]
    filter: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgments:
    """All graded queries of a source, in its order; `notes` say what a reader of the figures should know."""

    queries: tuple[Query, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def grades(self) -> dict[str, Mapping[str, int]]:
        return {query.id: query.grades for query in self.queries}

    def filtered(self, clause: dict[str, Any]) -> "Judgments":
        """The same queries, whose hits must also match `clause`."""
        return replace(self, queries=tuple(replace(query, filter=(*query.filter, clause)) for query in self.queries))

    def sample(self, size: int, seed: int) -> "Judgments":
        """At most `size` of the queries, chosen by `seed`, in their old order."""
        if size >= len(self.queries):
            return self
        chosen = set(random.Random(seed).sample([query.id for query in self.queries], size))
        note = f"a random {size} of {len(self.queries)} graded queries (seed {seed})"
        return replace(
            self, queries=tuple(query for query in self.queries if query.id in chosen), notes=(*self.notes, note)
        )


def read_judgments(source: Path, queries: Path | None = None, split: str = "") -> Judgments:
    """Graded queries of a folder (BEIR) or file; TREC qrels need the file of their `queries`. Raises ConfigError that
    says what was expected.
    """
    if not source.exists():
        raise ConfigError(f"{source}: no such file or folder")
    kind = kind_of(source)
    texts: dict[str, str]
    rated: Iterable[tuple[str, str, float]]
    if source.is_dir():
        texts, rated = folders.read(source, split)
    elif kind == "csv":
        texts, rated = exports.read_csv(source)
    elif kind in ("jsonl", "ndjson"):
        return _settled(*exports.read_jsonl(source))
    elif kind == "json":
        texts, rated = exports.read_search_relevance(source)
    elif queries is None:
        raise ConfigError(f"{source} has no query texts: give their file with --queries (TREC topics, TSV or JSONL)")
    else:
        texts, rated = trec.read_topics(queries), trec.read_qrels(source)
    return _settled(texts, rated, {})


def _settled(
    texts: Mapping[str, str], rated: Iterable[tuple[str, str, float]], filters: Mapping[str, list[dict[str, Any]]]
) -> Judgments:
    """Queries that have both a text and a grade, in the order of their texts."""
    rows = list(rated)
    fractional = any(grade != int(grade) for _, _, grade in rows)
    grades: dict[str, dict[str, int]] = {}
    for query, document, grade in rows:
        grades.setdefault(query, {})[document] = round(grade * SCALE) if fractional else int(grade)
    notes = [f"grades are fractions: all are taken times {SCALE} and rounded"] if fractional else []
    queries = tuple(
        Query(key, text, grades[key], tuple(filters.get(key, ()))) for key, text in texts.items() if key in grades
    )
    if not queries:
        raise ConfigError("no query has both a text and a grade; do the ids of queries and grades agree?")
    if empty := sum(1 for query in queries if max(query.grades.values()) <= 0):
        notes.append(f"{empty} queries have no relevant document: every list gets 0 for them")
    return Judgments(queries, tuple(notes))
