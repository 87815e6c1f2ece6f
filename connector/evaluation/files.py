"""Reading lines of plain or gzipped files, with errors that name the file and the line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from connector.errors import ConfigError


def kind_of(path: Path) -> str:
    """The last suffix but `.gz`, without its dot: "jsonl" of `a.jsonl.gz`."""
    return next((suffix for suffix in reversed(path.suffixes) if suffix != ".gz"), "").removeprefix(".").lower()


def open_text(path: Path) -> IO[str]:
    """UTF-8, with or without a byte order mark."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line that is not blank, with its 1-based number. Raises ConfigError for what is not text."""
    try:
        with open_text(path) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ConfigError(f"{path}: not text in UTF-8: {error}") from error


def wrong(path: Path, line: int, why: str) -> ConfigError:
    return ConfigError(f"{path}, line {line}: {why}")


def json_object(path: Path, line: int, text: str) -> dict[str, Any]:
    """Raises ConfigError for what is none."""
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise wrong(path, line, f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise wrong(path, line, "not a JSON object")
    return row


def number(path: Path, line: int, value: object) -> float:
    """A grade or score. Raises ConfigError."""
    try:
        found = float(str(value))
    except ValueError:
        found = float("nan")
    if found - found != 0:  # not a number, or infinite
        raise wrong(path, line, f"{value!r} is no number")
    return found
