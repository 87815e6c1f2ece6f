"""Documents read from a file one by one: JSON lines, CSV or TSV, plain or gzipped. What cannot be read is a `Rejected`.

Ids are the same at every reading of the same file: the id field, else `id` or `_id`, else the line's number.
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import orjson

from connector.errors import ConfigError

FIRST = 100  # documents that are looked at before an index is made
DELIMITERS = (",", ";", "\t", "|")
FIRST_LINES = 100  # of a CSV, that tell its delimiter
ACTIONS = ("index", "create", "update", "delete")  # of a bulk request, each before its document
ACTION_KEYS = {
    *("_index", "_id", "_type", "routing", "pipeline", "version", "version_type", "if_seq_no", "if_primary_term"),
    *("op_type", "require_alias", "retry_on_conflict", "dynamic_templates", "list_executed_pipelines"),
}
LONGEST_CELL = 16 * 1024 * 1024  # of a CSV, in characters; the standard library's own limit is 128 K


@dataclass(frozen=True, slots=True)
class Record:
    """One document, and the 1-based line on which it begins."""

    line: int
    id: str
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is not in the index, and why. `document` is what was read, so that it can be mended and loaded again."""

    line: int
    id: str
    reason: str
    document: object


def read(path: Path, id_field: str | None = None) -> Iterator[Record | Rejected]:
    """Every document of a file, in order; blank lines are none. Raises ConfigError for a file that is none of ours, and
    where it cannot be read to its end.
    """
    try:
        yield from _read(path, id_field)
    except (EOFError, OSError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {why}") from error


def look(path: Path, id_field: str | None = None) -> tuple[list[Record], bool]:
    """The file's first documents, before anything is made of them, and whether these are all that it holds. Raises
    ConfigError as `read`, and for none.
    """
    first = list(islice(read(path, id_field), FIRST + 1))
    if not first:
        raise ConfigError(f"{path}: holds no document")
    return [item for item in first[:FIRST] if isinstance(item, Record)], len(first) <= FIRST


def _read(path: Path, id_field: str | None) -> Iterator[Record | Rejected]:
    kind = next((suffix for suffix in reversed(path.suffixes) if suffix != ".gz"), "")
    if kind in (".jsonl", ".ndjson", ".json"):
        with _open(path) as lines:
            yield from (_identified(item, id_field) for item in _json_lines(lines, path))
    elif kind in (".csv", ".tsv"):
        with _open(path) as lines:
            yield from (_identified(item, id_field) for item in _rows(lines, kind == ".tsv", path))
    else:
        raise ConfigError(f"{path}: not a .jsonl, .ndjson, .csv or .tsv file (each may end in .gz)")


def count_lines(path: Path) -> int | None:
    """Lines of a plain file, for a progress bar; None for a gzipped one, which would have to be read twice."""
    if path.suffix == ".gz":
        return None
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _json_lines(lines: Iterable[bytes], path: Path) -> Iterator[Record | Rejected]:
    first = True
    for number, line in enumerate(lines, start=1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        line = line.strip()
        if not line:
            continue
        begins, first = first, False
        if begins and line.startswith(b"["):
            raise ConfigError(f"{path}: a JSON array; one document a line is wanted (jq -c '.[]' makes that)")
        text = line.decode("utf-8", "replace")
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Rejected(number, "", f"not JSON: {error}", text)
            continue
        if isinstance(found, dict):
            if begins and _is_action(found):
                raise ConfigError(
                    f"{path}: line {number} is an action line of the engine's _bulk; send the file there as it is, or "
                    f"keep the documents alone (gzip -cdf {path} | awk 'NF && ++n % 2 == 0' does, where every "
                    "action has one)"
                )
            yield Record(number, "", found)
        else:
            yield Rejected(number, "", f"not a JSON object but {type(found).__name__}", text)


def _is_action(found: dict[str, Any]) -> bool:
    """`{"index": {"_id": "1"}}` or `{"index": {}}`: the name of an action alone, and no field of a document."""
    told = next(iter(found.values()), None)
    return len(found) == 1 and next(iter(found)) in ACTIONS and isinstance(told, dict) and told.keys() <= ACTION_KEYS


def _rows(lines: Iterable[bytes], tabs: bool, path: Path) -> Iterator[Record | Rejected]:
    """Rows under the file's first line of names. Empty cells are left out; numbers are the engine's to read."""
    csv.field_size_limit(LONGEST_CELL)
    texts = (line.decode("utf-8", "surrogateescape") for line in lines)
    head = list(islice(texts, FIRST_LINES))
    reader = csv.reader(chain(head, texts), delimiter="\t" if tabs else _delimiter(head))
    names = [name.strip() for name in next(reader, [])]
    if names:
        names[0] = names[0].removeprefix("\ufeff")
    if not names or len(set(names)) < len(names) or "" in names:
        raise ConfigError(
            f"{path}: the first line must name the columns, each once: {', '.join(names) or 'it is empty'}"
        )
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Rejected(line, "", f"not a row: {error}", "")
            continue
        if not row:
            continue
        readable = [cell.encode("utf-8", "replace").decode() for cell in row]
        if len(row) != len(names):
            yield Rejected(line, "", f"{len(row)} cells under {len(names)} names", readable)
        elif readable != row:
            yield Rejected(line, "", "not UTF-8", readable)
        else:
            yield Record(line, "", {name: cell for name, cell in zip(names, row, strict=True) if cell != ""})


def _delimiter(head: Sequence[str]) -> str:
    """Of a CSV's first lines: the sign of several names that fits most rows, and then of most names; else a comma."""
    return max(DELIMITERS, key=lambda sign: _columns(head, sign))


def _columns(head: Sequence[str], sign: str) -> tuple[int, int]:
    """How many rows have as many cells as there are names, and how many these are; (0, 0) for one name, or no row."""
    try:
        names, *rows = [row for row in csv.reader(head, delimiter=sign) if row]
    except (csv.Error, ValueError):
        return 0, 0
    fitting = sum(len(row) == len(names) for row in rows) if len(names) > 1 else 0
    return (fitting, len(names)) if fitting else (0, 0)


def _identified(item: Record | Rejected, id_field: str | None) -> Record | Rejected:
    """The record with its id. `_id` is the engine's name for it and may not be a field."""
    if isinstance(item, Rejected):
        return item
    source = item.source
    name = id_field or next((name for name in ("id", "_id") if source.get(name) not in (None, "")), None)
    found = source.get(name) if name else item.line
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        return Rejected(item.line, "", f"field {name!r} holds no id: {found!r}", source)
    return Record(item.line, str(found), {key: value for key, value in source.items() if key != "_id"})
