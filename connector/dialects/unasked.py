"""Cut out of an answer what only we asked for: the `fields` that the model reads, wherever the engine shows them.

Engines give them to every hit that a search fetches: also to the options of a completion suggester, and Elasticsearch
9.5.3 to the hits of a `top_hits` aggregation. All other bytes stay as they are.
"""

from collections.abc import Sequence

import msgspec

from connector.dialects.splice import read_spans, splice

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = b'"fields"'


def without(fields: bytes, names: Sequence[str], path: str = "") -> bytes | None:
    """A hit's `fields` without our names, inside the objects of nested fields too; None where nothing is left."""
    changes: dict[str, bytes | None] = {}
    spans = read_spans(fields)
    if spans is None:
        return None
    for key, span in spans.items():
        if path + key in names:
            changes[key] = None
        elif any(name.startswith(f"{path}{key}.") for name in names):
            inner = [without(bytes(one), names, f"{path}{key}.") for one in _LIST.decode(fields[span.start : span.end])]
            left = [one for one in inner if one]
            changes[key] = b"[" + b",".join(left) + b"]" if left else None
    if all(key in changes and changes[key] is None for key in spans):
        return None
    return splice(fields, changes, spans)


def without_within(value: bytes, names: Sequence[str]) -> bytes:
    """`value`, any JSON, with our names cut out of the `fields` of every hit in it: an object that has an `_id`."""
    if _FIELDS not in value:
        return value
    if value[:1] == b"[":
        return _each(value, names)
    spans = read_spans(value) if value[:1] == b"{" else None
    if spans is None:
        return value
    changes: dict[str, bytes | None] = {}
    for key, span in spans.items():
        part = value[span.start : span.end]
        if key == "fields" and "_id" in spans:
            changes[key] = without(part, names)
        elif _FIELDS in part:
            changes[key] = without_within(part, names)
    return splice(value, changes, spans)


def _each(value: bytes, names: Sequence[str]) -> bytes:
    """`value`, a list, item by item; what stands between the items is kept."""
    parts, at = [], 0
    for item in _LIST.decode(value):
        raw = bytes(item)
        start = value.index(raw, at)
        parts += [value[at:start], without_within(raw, names)]
        at = start + len(raw)
    return b"".join([*parts, value[at:]])
