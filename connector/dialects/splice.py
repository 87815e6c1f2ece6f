"""Where the top-level values of a JSON object stand in its bytes, and how to change some of them and no other byte.

The values are found by msgspec in one pass (100 KB in 0.05 ms) and then located by walking the keys. Whatever is not
one plain object with distinct keys (duplicates, comments, trailing text, invalid JSON) gives None: the engine judges.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

_VALUES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KEY = re.compile(rb'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_COMMA = re.compile(rb"[ \t\r\n]*,")
_CLOSE = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """One member: its key begins at `key`, its value is `body[start:end]`."""

    key: int
    start: int
    end: int


def read_spans(body: bytes) -> dict[str, Span] | None:
    """The members of the object `body`, in their order; None where it is not a plain object."""
    try:
        values = _VALUES.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    spans: dict[str, Span] = {}
    at = body.index(b"{") + 1
    for left in range(len(values), 0, -1):
        key = _KEY.match(body, at)
        if key is None:
            return None
        name = msgspec.json.decode(key[1], type=str)
        start, end = key.end(), key.end() + len(values[name])
        following = (_COMMA if left > 1 else _CLOSE).match(body, end)
        # msgspec keeps the last of two equal keys: a duplicate shows as a member too many or as the wrong bytes
        if name in spans or following is None or body[start:end] != bytes(values[name]):
            return None
        spans[name] = Span(key.start(1), start, end)
        at = following.end()
    return spans if spans or _CLOSE.match(body, at) else None


def splice(body: bytes, changes: Mapping[str, bytes | None], spans: Mapping[str, Span] | None = None) -> bytes:
    """`body` with the values of `changes` set (new keys go to the end) or, where None, their members removed.

    Raises ValueError where `body` is not a plain object; `spans` saves reading them again.
    """
    spans = read_spans(body) if spans is None else spans
    if spans is None:
        raise ValueError("not one JSON object with distinct keys")
    removed = [name for name in spans if name in changes and changes[name] is None]
    edits = [(spans[name].start, spans[name].end, value) for name, value in changes.items() if value and name in spans]
    edits += [(start, end, b"") for start, end in _gaps(removed, spans)]
    added = [msgspec.json.encode(name) + b":" + value for name, value in changes.items() if value and name not in spans]
    if added:
        kept = len(spans) > len(removed)
        at = max((span.end for span in spans.values()), default=body.index(b"{") + 1)
        edits.append((at, at, (b"," if kept else b"") + b",".join(added)))
    parts, at = [], 0
    for start, end, value in sorted(edits, key=lambda edit: edit[:2]):
        parts += [body[at:start], value]
        at = end
    return b"".join([*parts, body[at:]])


def _gaps(removed: list[str], spans: Mapping[str, Span]) -> list[tuple[int, int]]:
    """The stretches to cut so that exactly one comma goes with each removed member."""
    names = list(spans)
    gaps: list[tuple[int, int]] = []
    kept_before = False
    for place, name in enumerate(names):
        if name not in removed:
            kept_before = True
        elif kept_before:
            gaps.append((spans[names[place - 1]].end, spans[name].end))
        elif place + 1 < len(names):
            gaps.append((spans[name].key, spans[names[place + 1]].key))
        else:
            gaps.append((spans[name].key, spans[name].end))
    return gaps
