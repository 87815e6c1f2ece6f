"""Logged queries: plain lines, JSON lines, or the queries of User Behavior Insights; each text once, with its count."""

from collections import Counter
from pathlib import Path

from connector.errors import ConfigError
from connector.evaluation.files import json_object, kind_of, read_lines
from connector.evaluation.judgments import Judgments, Query

TEXTS = ("user_query", "query", "text", "q")  # the first is UBI's


def read_queries(path: Path) -> Judgments:
    """The most frequent first; equal counts in the order of the file. Queries without grades. Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    as_json = kind_of(path) in ("jsonl", "ndjson", "json")
    counts: Counter[str] = Counter()
    for line, content in read_lines(path):
        text: object = content
        if as_json:
            row = json_object(path, line, content)
            text = next((row[name] for name in TEXTS if isinstance(row.get(name), str)), "")
        if words := " ".join(str(text).split()):
            counts[words] += 1
    if not counts:
        raise ConfigError(f"{path}: no queries; expected a query a line, or JSON lines with one of {', '.join(TEXTS)}")
    total, note = sum(counts.values()), f"{len(counts)} distinct queries of {sum(counts.values())} logged"
    return Judgments(tuple(Query(text, text, {}) for text, _ in counts.most_common(total)), (note,))
