"""Cut out of an answer what only we asked for: the fields that the model reads, wherever the engine shows them.

Besides the hits these are the options of a completion suggester and, on Elasticsearch, the hits of a `top_hits` that
names no `fields` of its own (8.19.21 and 9.5.3; OpenSearch 3.6.0 gives a `top_hits` only what it asks for).
Elasticsearch adds what it could not index of a field, as `ignored_field_values`. All other bytes stay as they are.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from connector.dialects.asked import aggregations, kept_fields
from connector.dialects.splice import Span, read_spans, splice

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = b'"fields"'
IGNORED = b'"ignored_field_values"'


def hit_changes(
    hit: bytes, spans: Mapping[str, Span], names: Sequence[str], kept: Sequence[str] = ()
) -> dict[str, bytes | None]:
    """The members of a hit that show our names, without them. `kept` of `names` stand in `fields` for the caller, too;
    such a field's ignored values are ours all the same.
    """
    changes: dict[str, bytes | None] = {}
    for member, asked in (("fields", kept), ("ignored_field_values", ())):
        if member in spans and names:
            changes[member] = without(hit[spans[member].start : spans[member].end], names, asked)
    return changes


def without(fields: bytes, names: Sequence[str], kept: Sequence[str] = (), path: str = "") -> bytes | None:
    """A hit's `fields` without our names but `kept`, inside the objects of nested fields without any of them; None
    where nothing is left.
    """
    changes: dict[str, bytes | None] = {}
    spans = read_spans(fields)
    if spans is None:
        return None
    for key, span in spans.items():
        if path + key in names:
            if key not in kept:
                changes[key] = None
        elif any(name.startswith(f"{path}{key}.") for name in names):
            values = [bytes(one) for one in _LIST.decode(fields[span.start : span.end])]
            inner = [without(one, names, (), f"{path}{key}.") if one[:1] == b"{" else one for one in values]
            left = [one for one in inner if one]
            changes[key] = b"[" + b",".join(left) + b"]" if left else None
    if all(key in changes and changes[key] is None for key in spans):
        return None
    return splice(fields, changes, spans)


def without_in_suggestions(suggest: bytes, names: Sequence[str]) -> bytes:
    """The answer's `suggest`, an object of lists of entries, with the options of each entry cut."""

    def in_entry(key: str, part: bytes) -> bytes:
        return _each(part, lambda option: _without_in_hit(option, names)) if key == "options" else part

    return _members(suggest, lambda _, entries: _each(entries, lambda entry: _members(entry, in_entry)))


def without_in_aggregations(found: bytes, names: Sequence[str], defined: Mapping[str, object]) -> bytes:
    """The answer's `aggregations`, or one of their buckets, with the hits of each `top_hits` cut. `defined` is what the
    request says of the aggregations in it.
    """

    def in_buckets(part: bytes) -> bytes:
        if part[:1] == b"[":
            return _each(part, lambda bucket: without_in_aggregations(bucket, names, defined))
        return _members(part, lambda _, bucket: without_in_aggregations(bucket, names, defined))

    def in_member(key: str, part: bytes) -> bytes:
        one = defined.get(key, defined.get(key.partition("#")[2]))  # `typed_keys` writes "top_hits#best"
        if isinstance(one, Mapping) and part[:1] == b"{":
            top_hits = one.get("top_hits")
            if isinstance(top_hits, Mapping):
                return _without_in_top_hits(part, names, top_hits)
            return without_in_aggregations(part, names, aggregations(one))
        return in_buckets(part) if key == "buckets" else part

    return _members(found, in_member)


def _without_in_top_hits(found: bytes, names: Sequence[str], top_hits: Mapping[str, object]) -> bytes:
    if top_hits.get("fields"):  # takes the place of the search's own
        return found
    kept = kept_fields(top_hits, names)

    def in_hits(key: str, part: bytes) -> bytes:
        return _each(part, lambda hit: _without_in_hit(hit, names, kept)) if key == "hits" else part

    return _members(found, lambda key, part: _members(part, in_hits) if key == "hits" else part)


def _without_in_hit(hit: bytes, names: Sequence[str], kept: Sequence[str] = ()) -> bytes:
    spans = read_spans(hit)
    return hit if spans is None else splice(hit, hit_changes(hit, spans, names, kept), spans)


def _members(value: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """`value`, an object, with each member changed in which a hit of ours may stand."""
    spans = read_spans(value) if _may_show(value) else None
    if spans is None:
        return value
    parts = {key: value[span.start : span.end] for key, span in spans.items()}
    return splice(value, {key: change(key, part) for key, part in parts.items() if _may_show(part)}, spans)


def _each(value: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """`value`, a list, with each item changed; what stands between the items is kept."""
    if value[:1] != b"[":
        return value
    parts, at = [], 0
    for item in _LIST.decode(value):
        raw = bytes(item)
        start = value.index(raw, at)
        parts += [value[at:start], change(raw)]
        at = start + len(raw)
    return b"".join([*parts, value[at:]])


def _may_show(value: bytes) -> bool:
    return _FIELDS in value or IGNORED in value
