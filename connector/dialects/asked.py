"""What the caller asked for under a hit's `fields`, and so what of it is ours to cut.

Four request options and `collapse` all land in that one object. A field that the caller's own request may bring is
never added by us and never cut.
"""

from collections.abc import Iterable, Mapping

from connector.dialects.request import SearchRequest
from connector.dialects.wildcards import matches


def asked_patterns(request: SearchRequest) -> list[str]:
    """Names and wildcards of everything that the caller's own request puts into `fields`."""
    patterns = _asked_by(request.body)
    for option in ("stored_fields", "docvalue_fields"):
        patterns += [name.strip() for name in (request.parameter(option) or "").split(",") if name.strip()]
    return [*patterns, *([request.collapse] if request.collapse else [])]


def added_fields(request: SearchRequest, fields: Iterable[str]) -> tuple[str, ...]:
    """Those of `fields` (what the model reads) that the caller's request does not bring by itself."""
    patterns = asked_patterns(request)
    return tuple(name for name in fields if not _covered(name, patterns))


def kept_fields(top_hits: Mapping[str, object], fields: Iterable[str]) -> tuple[str, ...]:
    """Those of `fields` that a `top_hits` aggregation asks for by itself."""
    patterns = _asked_by(top_hits)
    return tuple(name for name in fields if _covered(name, patterns))


def aggregations(said: Mapping[str, object]) -> Mapping[str, object]:
    """What the body of a search, or an aggregation, defines as its aggregations; the last of two members counts."""
    defined = [value for key, value in said.items() if key in ("aggs", "aggregations") and isinstance(value, Mapping)]
    return defined[-1] if defined else {}


def _covered(name: str, patterns: Iterable[str]) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def _asked_by(options: Mapping[str, object]) -> list[str]:
    """What the options of a search's body, or of a `top_hits`, put into `fields`."""
    patterns: list[str] = []
    for option in ("fields", "stored_fields", "docvalue_fields"):
        if option in options:
            patterns += _names(options[option])
    scripts = options.get("script_fields")
    return patterns + ([str(name) for name in scripts] if isinstance(scripts, Mapping) else [])


def _names(said: object) -> list[str]:
    """Entries are names or {"field": name, ...}; one alone may stand without its list."""
    entries = said if isinstance(said, list) else [said]
    names = [entry.get("field") if isinstance(entry, Mapping) else entry for entry in entries]
    return [name for name in names if isinstance(name, str)]
