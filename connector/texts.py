"""What the model reads of a document: its fields, by the policy's template, as one line of bounded length.

Part of the score cache's meaning: the same fields and template give the same text. Where a change here makes it another
one, `reader.READING` rises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from connector.contract import PASSAGE_OVERLAP, PASSAGES_MOST
from connector.settings import Model, Policy

CHARACTERS_A_TOKEN = 16
"""Text beyond `max_tokens` times this is never read: long English words split into pieces of about 4 characters, and
more than 16 a token occur only in padding such as "-----"."""

PASSAGE_CHARACTERS_A_TOKEN = 6
"""The same over the many windows of a long document, where single words even out: English has about 4.7."""

LOOSE = 4
"""White space is made one in a text of so many limits at most: a document of 10 MB costs a millisecond, not 130."""

_FIELD = re.compile(r"\{([^{}]*)\}")
_CLOSERS = re.compile(r"[)\]}»”』」】%]*")
_SEPARATORS = " \t\n.,;:!?|/·–—-。，；：、"


def text_limit(policy: Policy, model: Model) -> int:
    """Characters of a document that are read at most."""
    if policy.passages == "off":
        return CHARACTERS_A_TOKEN * model.max_tokens
    return int(PASSAGE_CHARACTERS_A_TOKEN * model.max_tokens * PASSAGES_MOST * (1 - PASSAGE_OVERLAP))


def document_text(fields: Mapping[str, object], policy: Policy, limit: int = CHARACTERS_A_TOKEN * 256) -> str:
    """The text of a hit's `fields` (name -> list of values); "" where there is nothing to read.

    Parts that are empty go, and the punctuation around them with them. At most `limit` characters.
    """
    most = LOOSE * limit
    values = {name: _plain(fields[name] if name in fields else nested(fields, name), most) for name in policy.fields}
    text = _fill(policy.template, values) if policy.template else ". ".join(filter(None, values.values()))
    text = text[:most]
    if not text.isprintable() or "  " in text or text != text.strip():
        text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit].rstrip()


def nested(fields: Mapping[str, object], name: str) -> list[object]:
    """The values of a nested object's field. They stand under their own name in OpenSearch's answers, and inside a list
    under the object's name in Elasticsearch's; in a `_source` also inside the object itself.
    """
    found: list[object] = []
    for dot in re.finditer(r"\.", name):
        inner, rest = fields.get(name[: dot.start()]), name[dot.end() :]
        objects = [one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, Mapping)]
        found += [one[rest] if rest in one else nested(one, rest) for one in objects]
    return found


def _plain(value: object, most: int) -> str:
    """A value as text: arrays joined with ", ", up to the value that ends beyond `most` characters; objects (nested,
    flattened) have no one text and give none.
    """
    if isinstance(value, list | tuple):
        if len(value) == 1 and isinstance(value[0], str):
            return value[0].strip()
        parts: list[str] = []
        length = 0
        for one in value:
            if part := _plain(one, most):
                parts.append(part)
                length += len(part) + 2
                if length > most:
                    break
        return ", ".join(parts)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return ""


@dataclass(frozen=True, slots=True)
class _Part:
    """A field between the words that go with it."""

    separator: str
    field: str
    closing: str


@lru_cache(maxsize=256)
def _parse(template: str) -> tuple[tuple[_Part, ...], str]:
    """The fields, each with what stands before it and the brackets that close after it; and the last words."""
    pieces = _FIELD.split(template)  # literal, field, literal, ..., field, literal
    parts: list[_Part] = []
    separator = pieces[0]
    for field, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        match = _CLOSERS.match(literal)
        closing = match[0] if match else ""
        parts.append(_Part(separator, field, closing))
        separator = literal[len(closing) :]
    return tuple(parts), separator


def _fill(template: str, values: Mapping[str, str]) -> str:
    parts, last_words = _parse(template)
    text = ""
    for part in parts:
        if value := values.get(part.field, ""):
            separator = part.separator if text else part.separator.lstrip(_SEPARATORS)
            text += separator + value + part.closing
    return text + last_words if parts and values.get(parts[-1].field) else text
