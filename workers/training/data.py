"""What a model learns from: a folder of documents, and where people judged some, queries, grades and a split.

Rule: a folder holds `corpus.jsonl`, and optionally `queries.jsonl`, `qrels.tsv` (query id, document id, grade) and
`split.json` ({"train": [ids], "dev": [ids], ...}; else a query's line may say `"split": part`), each plain or gzipped.
Only the parts of the split that are asked for are ever handed out, so that test grades cannot leak into training.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from connector.evaluation.folders import read_split

MAX_CHARS = 450
"""Characters of a document the model is trained on: about 110 tokens of English shop text."""

TEXT_FIELDS = ("title", "brand", "color", "text")

Grades = dict[str, dict[str, int]]  # query id -> document id -> grade, 0 and up


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents by id, with the queries and grades that a folder holds."""

    documents: dict[str, dict[str, Any]]
    queries: dict[str, str]
    grades: Grades
    split: dict[str, list[str]]

    def part(self, name: str) -> tuple[dict[str, str], Grades]:
        """Return the queries and grades of one part of the split; without a split, `train` is everything."""
        split = self.split or {"train": list(self.queries)}
        ids = split.get(name, [])
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
        grades: Grades = {}
        for line in _lines(folder, "qrels.tsv"):
            query, document, grade = line.split("\t")
            grades.setdefault(query, {})[document] = int(grade)
        split = read_split(folder)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{folder}: {type(error).__name__}: {error}") from error
    if not documents:
        raise ConfigError(f"{folder}: no documents; expected corpus.jsonl or corpus.jsonl.gz with an 'id' in each line")
    return Collection(documents, queries, grades, split)


def _key(row: Mapping[str, Any]) -> str:
    return str(row["id"] if "id" in row else row["_id"])  # BEIR writes _id


def document_text(document: Mapping[str, Any], fields: Sequence[str] = TEXT_FIELDS, max_chars: int = MAX_CHARS) -> str:
    """Join the non-empty fields with ". " and cut at `max_chars`: the same template rule as in production."""
    parts = (document.get(name) for name in fields)
    texts = (" ".join(map(str, part)) if isinstance(part, list) else str(part) for part in parts if part)
    return ". ".join(texts)[:max_chars]
