"""Graded queries as other tools write them: plain JSONL, Quepid's CSV, OpenSearch's judgment lists.

JSONL holds one query a line with all its grades, or one grade a line. In the exports a query has no id but its words.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from connector.errors import ConfigError
from connector.evaluation.files import json_object, number, open_text, read_lines, wrong
from connector.records import LONGEST_CELL

Rated = list[tuple[str, str, float]]
"""(query id, document id, grade)"""

JSONL = '{"query": "rain jacket", "grades": {"sku-1": 3}} or {"query": "rain jacket", "document": "sku-1", "grade": 3}'
COLUMNS = ("query", "querytext"), ("docid",), ("rating",)  # by lower-case letters alone: "Doc ID", "doc_id"


def read_jsonl(path: Path) -> tuple[dict[str, str], Rated, dict[str, list[dict[str, Any]]]]:
    """Texts by id, grades, and the filters of queries that have one. `id` may be left out: the words then stand for it.
    Raises ConfigError.
    """
    texts: dict[str, str] = {}
    rated: Rated = []
    filters: dict[str, list[dict[str, Any]]] = {}
    for line, content in read_lines(path):
        row = json_object(path, line, content)
        text = row.get("query", row.get("text"))
        if not isinstance(text, str):
            raise wrong(path, line, f"expected {JSONL}")
        key = str(row.get("id", row.get("query_id", text)))
        if texts.setdefault(key, text) != text:
            raise wrong(path, line, f"query {key} has another text above")
        if row.get("filter"):
            filters[key] = row["filter"] if isinstance(row["filter"], list) else [row["filter"]]
        grades = row.get("grades", row.get("ratings"))
        if grades is None and "document" in row:
            grades = {row["document"]: row.get("grade")}
        if not isinstance(grades, Mapping):
            raise wrong(path, line, f"expected {JSONL}")
        rated += [(key, str(document), number(path, line, grade)) for document, grade in grades.items()]
    return texts, rated, filters


def read_csv(path: Path) -> tuple[dict[str, str], Rated]:
    """Quepid's exports: `query,docid,rating` (basic) or `..., Query Text, Doc ID, ..., Rating, ...` (detailed). A row
    without a rating is a document that nobody judged. Raises ConfigError.
    """
    texts: dict[str, str] = {}
    rated: Rated = []
    csv.field_size_limit(LONGEST_CELL)
    with open_text(path) as stream:
        reader = csv.reader(stream)
        names = ["".join(letter for letter in name.lower() if letter.isalnum()) for name in next(reader, [])]
        places = [next((names.index(name) for name in known if name in names), -1) for known in COLUMNS]
        if -1 in places:
            raise ConfigError(f"{path}: the first line must name the columns query, docid and rating, as Quepid does")
        for cells in reader:
            if len(cells) <= max(places):
                continue
            query, document, rating = (cells[place].strip() for place in places)
            if query and document and rating:
                texts[query] = query
                rated.append((query, document, number(path, reader.line_num, rating)))
    return texts, rated


def read_search_relevance(path: Path) -> tuple[dict[str, str], Rated]:
    """A judgment list of OpenSearch's Search Relevance Workbench: what `GET _plugins/_search_relevance/judgments/ID`
    answers, the document alone, or the body that imports it. Raises ConfigError.
    """
    try:
        with open_text(path) as stream:
            lists = list(_judgment_lists(orjson.loads(stream.read())))
        rated = [
            (str(entry["query"]), str(rating["docId"]), number(path, 1, rating["rating"]))
            for ratings in lists
            for entry in ratings
            for rating in entry["ratings"]
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a judgment list of OpenSearch's Search Relevance: {error!r}") from error
    if not rated:
        raise ConfigError(
            f"{path}: no `judgmentRatings` in it; GET _plugins/_search_relevance/judgments/ID answers with them"
        )
    return {query: query for query, _, _ in rated}, rated


def _judgment_lists(found: Any) -> Iterator[list[dict[str, Any]]]:
    """Every `judgmentRatings` in it, however deep the answer wraps it."""
    if isinstance(found, dict):
        if isinstance(found.get("judgmentRatings"), list):
            yield found["judgmentRatings"]
        else:
            for value in found.values():
                yield from _judgment_lists(value)
    elif isinstance(found, list):
        for value in found:
            yield from _judgment_lists(value)
