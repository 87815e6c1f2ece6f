"""Which fields of an index documents are read from, and which BM25 searches.

Rule: the first is the title. Without names they are those of the policy that covers the index, else its own texts; and
what the index does not have is refused here, because an engine answers a search of it with an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import ConfigError
from connector.settings import Policy
from workers.training.engine import ANYONE, Access, call
from workers.training.gather import fields_of
from workers.training.policies import policy_of

TITLES = ("title", "name")
"""What a title is called where nobody names the fields."""

IDS = ("id", "_id")


def known_fields(url: str, index: str, access: Access = ANYONE) -> dict[str, set[str]]:
    """Return every field and sub-field of an index with its types; the right to read is enough to ask."""
    answer: Mapping[str, Any] = call(f"{url}/{index}/_field_caps?fields=*", method="GET", access=access)
    return {name: set(types) for name, types in answer["fields"].items()}


def read_from(given: str, index: str, policies: Sequence[Policy], known: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return the fields of a comma-separated list, else those of the policy, else all texts of the index with a title
    first. Raises ConfigError where there is none, or where several policies cover it.
    """
    if given.strip():
        return tuple(fields_of(given))
    if policy := policy_of(index, policies):
        return tuple(policy.fields)
    if found := _texts(known):
        return tuple(found)
    raise ConfigError(f"{index}: no field of type text; name the fields of its documents with --fields")


def named(text_field: str, index: str, known: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return the fields of a comma-separated list for BM25 to read; none where it is empty. Raises ConfigError where
    the index lacks one.
    """
    found = tuple(fields_of(text_field)) if text_field.strip() else ()
    if missing := [field for field in found if field not in known]:
        raise ConfigError(f"--text-field {', '.join(missing)}: {index} has no such field; {_there(known)}")
    return found


def searched(fields: Sequence[str], index: str, known: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return those of the documents' fields that the index has, for BM25 to read. Raises ConfigError without any."""
    if found := tuple(field for field in fields if field in known):
        return found
    raise ConfigError(f"{index} has none of the fields {', '.join(fields)}; {_there(known)}: name them with --fields")


def _there(known: Mapping[str, set[str]]) -> str:
    return f"its texts are in {', '.join(_texts(known)) or 'no field'}"


def _texts(known: Mapping[str, set[str]]) -> list[str]:
    """Fields of type text, without sub-fields and fields of objects, the title first."""
    found = sorted(name for name, types in known.items() if "text" in types and "." not in name and name not in IDS)
    return [name for name in TITLES if name in found] + [name for name in found if name not in TITLES]
