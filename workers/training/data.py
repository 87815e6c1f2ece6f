"""What a model learns from: a folder of documents, and where people judged some, queries, grades and a split.

Rule: a folder holds `corpus.jsonl`, and optionally `queries.jsonl`, `qrels.tsv` (query id, document id, grade) and
`split.json` ({"train": [ids], "dev": [ids], ...}; else a query's line may say `"split": part`), each plain or gzipped;
or, as BEIR has it, a file of grades a part, `qrels/train.tsv` and so on, which goes before both. Only the parts of the
split that are asked for are ever handed out, so that test grades cannot leak into training.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from connector.errors import ConfigError
from connector.evaluation.folders import read_split

MAX_CHARS = 450
"""Characters of a document the model is trained on: about 110 tokens of English shop text."""

TEXT_FIELDS = ("title", "brand", "color", "text")

LEARNT = ("dev", "train")
"""Parts whose grades are those of their own file, whatever other parts say of the same query."""

Grades = dict[str, dict[str, int]]  # query id -> document id -> grade, 0 and up

Value = TypeVar("Value", int, float)


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents by id, with the queries and grades that a folder holds."""

    documents: dict[str, dict[str, Any]]
    queries: dict[str, str]
    grades: Grades
    split: dict[str, list[str]]

    def part(self, name: str) -> tuple[dict[str, str], Grades]:
        """Return the queries and grades of one part of the split; without a split, `train` is everything. Raises
        ConfigError where the part names a query that has no text.
        """
        split = self.split or {"train": list(self.queries)}
        ids = split.get(name, [])
        if unknown := [i for i in ids if i not in self.queries]:
            raise ConfigError(
                f"the split's part {name} names {len(unknown)} queries that have no text ({', '.join(unknown[:3])}): "
                "add them to queries.jsonl, or take them out of the split"
            )
        return {i: self.queries[i] for i in ids}, {i: self.grades[i] for i in ids if i in self.grades}


def _lines(folder: Path, name: str) -> Iterator[str]:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            opener = gzip.open if path.suffix == ".gz" else open
            with opener(path, "rt", encoding="utf-8") as stream:
                yield from (line for line in stream if line.strip())
            return


def read_collection(folder: Path) -> Collection:
    """Read a data folder; raises ConfigError when there is no corpus or a line is malformed."""
    try:
        documents = {_key(row): row for row in map(json.loads, _lines(folder, "corpus.jsonl"))}
        queries = {_key(row): row["text"] for row in map(json.loads, _lines(folder, "queries.jsonl"))}
        grades, split = _grades(folder, "qrels.tsv"), read_split(folder)
        named = {path.name.removesuffix(".gz").removesuffix(".tsv") for path in folder.glob("qrels/*.tsv*")}
        for part in sorted(named, key=lambda part: (part not in LEARNT, part)):
            rows = _grades(folder, f"qrels/{part}.tsv")
            split = split | {part: list(rows)}
            taken = set() if part in LEARNT else {key for own in LEARNT for key in split.get(own, ())}
            grades |= {key: row for key, row in rows.items() if key not in taken}  # none of test's, where train has it
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{folder}: {type(error).__name__}: {error}") from error
    if not documents:
        raise ConfigError(f"{folder}: no documents; expected corpus.jsonl or corpus.jsonl.gz with an 'id' in each line")
    return Collection(documents, queries, grades, split)


def _grades(folder: Path, name: str) -> Grades:
    """The grades of a file; a first line without one names the columns."""
    found: Grades = {}
    for number, line in enumerate(_lines(folder, name)):
        query, document, grade = line.split("\t")
        if number or grade.strip().lstrip("+-").replace(".", "", 1).isdigit():
            found.setdefault(query, {})[document] = int(grade)
    return found


def _key(row: Mapping[str, Any]) -> str:
    return str(row["id"] if "id" in row else row["_id"])  # BEIR writes _id


def document_text(document: Mapping[str, Any], fields: Sequence[str] = TEXT_FIELDS, max_chars: int = MAX_CHARS) -> str:
    """Join the non-empty fields with ". " and cut at `max_chars`: the same template rule as in production."""
    parts = (document.get(name) for name in fields)
    texts = (" ".join(map(str, part)) if isinstance(part, list) else str(part) for part in parts if part)
    return ". ".join(texts)[:max_chars]


def folded(query: str) -> str:
    """Return a query in lower case and with single spaces: two ids whose texts are the same so are one query."""
    return " ".join(query.lower().split())


def by_text(queries: Mapping[str, str], grades: Mapping[str, Mapping[str, Value]]) -> dict[str, dict[str, Value]]:
    """Return what is known of the documents of each folded query, under whichever of its ids."""
    found: dict[str, dict[str, Value]] = {}
    for key, text in queries.items():
        found.setdefault(folded(text), {}).update(grades.get(key, {}))
    return found
