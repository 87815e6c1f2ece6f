"""The request target: its URI parameters, and edits that touch one parameter's bytes only.

Parameters are read as the engines read them (RestUtils.decodeQueryString): `&` and `;` part them, `+` is a space, a
name without `=` has the value "".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

MOST = 200  # parameters that are read; `_search` has about 60

_PIECE = re.compile(rb"[^&;]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """`value` is decoded; the piece `name=value` stands at `query[start:end]`."""

    value: str
    start: int
    end: int


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Raw path and raw query string (without the "?")."""
    path, _, query = target.partition(b"?")
    return path, query


def read_parameters(query: bytes) -> dict[str, Parameter] | None:
    """Parameters by name; None where one comes twice, is not UTF-8, or where there are too many (the engine
    judges those).
    """
    found: dict[str, Parameter] = {}
    for piece in _PIECE.finditer(query):
        if len(found) == MOST:
            return None
        raw_name, _, raw_value = piece[0].partition(b"=")
        try:
            name, value = _decode(raw_name), _decode(raw_value)
        except UnicodeDecodeError:
            return None
        if name in found:
            return None
        found[name] = Parameter(value, piece.start(), piece.end())
    return found


def _decode(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")


def edit_target(target: bytes, parameters: Mapping[str, Parameter], changes: Mapping[str, str | None]) -> bytes:
    """`target` with the values of existing parameters changed, or the parameters removed (None); all else as it was."""
    path, query = split_target(target)
    for name in sorted(changes.keys() & parameters.keys(), key=lambda name: -parameters[name].start):
        parameter, value = parameters[name], changes[name]
        if value is not None:
            query = (
                query[: parameter.start] + quote(name).encode() + b"=" + quote(value).encode() + query[parameter.end :]
            )
        elif parameter.start > 0:
            query = query[: parameter.start - 1] + query[parameter.end :]
        else:
            query = query[parameter.end + 1 :]
    return path + b"?" + query if query else path
