"""A folder as BEIR lays it out: `queries.jsonl`, and `qrels/test.tsv` or a single `qrels.tsv`; each may end in .gz.

Of several parts one is taken: a file in `qrels/`, else the ids of `split.json` (part -> ids), else the queries whose
line says `"split": part`. Without --split it is the part `test` where there is one, else everything.
"""

from collections.abc import Iterable
from pathlib import Path

import orjson

from connector.errors import ConfigError
from connector.evaluation.files import json_object, open_text, read_lines
from connector.evaluation.trec import read_qrels, read_topics

TEST = "test"  # the part that BEIR's own figures are of


def read(folder: Path, split: str = "") -> tuple[dict[str, str], Iterable[tuple[str, str, float]]]:
    """Query texts by id, and (query id, document id, grade). Raises ConfigError where a file is missing."""
    queries = _find(folder, "queries.jsonl")
    if queries is None:
        raise ConfigError(f"{folder}: no queries.jsonl; a BEIR folder has it, and qrels/{split or TEST}.tsv")
    texts = read_topics(queries)
    if of_part := _find(folder, f"qrels/{split or TEST}.tsv"):
        return texts, read_qrels(of_part)
    qrels = _find(folder, "qrels.tsv")
    by_part = read_split(folder)
    if qrels is None or (split and split not in by_part):
        there = ", ".join(sorted(parts(folder))) or "none"
        raise ConfigError(f"{folder}: no qrels/{split or TEST}.tsv and no such part; there is: {there}")
    chosen = set(by_part.get(split or TEST, texts))
    return {key: text for key, text in texts.items() if key in chosen}, read_qrels(qrels)


def parts(folder: Path) -> set[str]:
    """The names of the parts that a folder is split into, in whichever way; none of a file."""
    return {path.name.partition(".")[0] for path in folder.glob("qrels/*")} | set(read_split(folder))


def read_split(folder: Path) -> dict[str, list[str]]:
    """Query ids by part, as `split.json` or else the queries' own lines name them. Raises ConfigError."""
    if path := _find(folder, "split.json"):
        try:
            with open_text(path) as stream:
                return {part: list(map(str, ids)) for part, ids in orjson.loads(stream.read()).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise ConfigError(f'{path}: expected {{"train": [query ids], "test": [...]}}: {error}') from error
    found: dict[str, list[str]] = {}
    if queries := _find(folder, "queries.jsonl"):
        for line, text in read_lines(queries):
            row = json_object(queries, line, text)
            if "split" in row:
                found.setdefault(str(row["split"]), []).append(str(row.get("id", row.get("_id"))))
    return found


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
