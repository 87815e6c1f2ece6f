"""Where an application puts its user's words, as a policy says: `header:Name`, or a JSONPath (RFC 9535) into the body.

The path comes from the settings, never from a request. jsonpath is loaded where a policy has a path, not before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsonpath import CompoundJSONPath, JSONPath

HEADER = re.compile(r"header: *([A-Za-z0-9_-]+)")


def check_path(path: str) -> str:
    """`path`, where it can be followed. Raises ValueError."""
    if path and not HEADER.fullmatch(path):
        _compile(path)
    return path


def header_name(path: str) -> bytes | None:
    """The field that `path` names, lower case; None where it leads into the body."""
    match = HEADER.fullmatch(path)
    return match[1].lower().encode() if match else None


def find_texts(path: str, body: object) -> list[str]:
    """The texts in `body` at `path`, white space as one space, each once; what is no text is passed over."""
    from jsonpath import JSONPathError

    try:
        found = _compile(path).findall(body)  # type: ignore[arg-type]
    except (JSONPathError, RecursionError):
        return []
    return list(dict.fromkeys(text for one in found if isinstance(one, str) and (text := " ".join(one.split()))))


@lru_cache(maxsize=64)
def _compile(path: str) -> JSONPath | CompoundJSONPath:
    from jsonpath import JSONPathEnvironment, JSONPathError

    rooted = path if path.startswith("$") else f"$.{path}"
    try:
        return JSONPathEnvironment(strict=True).compile(rooted)
    except JSONPathError as error:
        raise ValueError(f'neither "header:Name" nor a JSONPath such as $.query.match.name: {error.args[0]}') from error
