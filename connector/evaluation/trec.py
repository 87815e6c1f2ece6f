"""TREC's files: qrels (`query 0 document grade`), topics, and runs (`query Q0 document rank score tag`).

Columns are separated by tabs where a line has as many as it should, so that ids may hold spaces; else by white space.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from connector.errors import ConfigError
from connector.evaluation.files import json_object, kind_of, number, open_text, read_lines, wrong
from connector.evaluation.measures import ranked

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|\Z)", re.DOTALL | re.IGNORECASE)


def read_qrels(path: Path) -> Iterator[tuple[str, str, float]]:
    """Each (query id, document id, grade), of four columns as TREC has them or three (without the second)."""
    for line, text in read_lines(path):
        cells = _cells(text, 3, 4)
        if len(cells) not in (3, 4):
            raise wrong(path, line, f"{len(cells)} columns; qrels have `query 0 document grade`")
        if line == 1 and not cells[-1].lstrip("+-").replace(".", "", 1).isdigit():
            continue  # the names of the columns
        yield cells[0], cells[-2], number(path, line, cells[-1])


def read_topics(path: Path) -> dict[str, str]:
    """Query id -> text, of TREC topics (`<top>`), of JSONL with id and text, or of lines `id <tab> text`."""
    if kind_of(path) in ("jsonl", "ndjson"):
        return dict(_json_topics(path))
    with open_text(path) as stream:
        topics = _TOPIC.findall(stream.read())
    if not topics:
        return dict(_tab_topics(path))
    found = {}
    for topic in topics:
        key, title = _NUMBER.search(topic), _TITLE.search(topic)
        if not key or not title or not title[1]:
            raise ConfigError(f"{path}: a <top> without <num> or <title>: {topic.strip()[:80]!r}")
        found[key[1]] = " ".join(title[1].split())
    return found


def read_run(path: Path) -> dict[str, list[str]]:
    """Query id -> documents in trec_eval's order, of lines `query Q0 document rank score tag`."""
    scores: dict[str, dict[str, float]] = {}
    for line, text in read_lines(path):
        cells = _cells(text, 5, 6)
        if len(cells) not in (5, 6):
            raise wrong(path, line, f"{len(cells)} columns; a run has `query Q0 document rank score tag`")
        query, document, score = cells[0], cells[2], number(path, line, cells[4])
        if document in scores.setdefault(query, {}):
            raise wrong(path, line, f"document {document} is there twice for query {query}")
        scores[query][document] = score
    if not scores:
        raise ConfigError(f"{path}: an empty run")
    return {query: ranked(found.items()) for query, found in scores.items()}


def _cells(text: str, *counts: int) -> list[str]:
    by_tabs = [cell.strip() for cell in text.strip().split("\t")]
    return by_tabs if len(by_tabs) in counts else text.split()


def _json_topics(path: Path) -> Iterator[tuple[str, str]]:
    for line, text in read_lines(path):
        row = json_object(path, line, text)
        key = row.get("id", row.get("_id", row.get("query_id")))
        words = row.get("text", row.get("query"))
        if key is None or not isinstance(words, str):
            raise wrong(path, line, 'expected {"id": "1", "text": "rain jacket"}')
        yield str(key), words


def _tab_topics(path: Path) -> Iterator[tuple[str, str]]:
    for line, text in read_lines(path):
        key, tab, words = text.partition("\t")
        if not tab or not words.strip():
            raise wrong(path, line, "expected TREC topics, or lines of an id, a tab and the query")
        yield key.strip(), words.strip()
