"""Vectors of documents on their way into an index: each document gets one, or a reason why not.

No other document shares a bad one's fate: a batch that the embedder cannot read is halved until the text is found.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from connector.errors import RerankError
from connector.records import Record
from connector.types import Reason

TEXT_LIMIT = 8192  # characters that are sent to be embedded: 512 tokens, all that most embedders read, at 16 each
FIELD = "embedding"  # of our mappings

Embed = Callable[[list[str]], Awaitable[Sequence[Sequence[float]]]]
"""One vector a text, in order. Raises RerankError: MODEL where a text cannot be read, else its reason."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """How documents get vectors: the texts of `fields`, joined, are embedded and stored in `field`. A document that
    brings its own vector keeps it; one without text gets none.
    """

    embed: Embed
    fields: Sequence[str]
    field: str = FIELD


def gets_vector(source: Mapping[str, object], fields: Sequence[str], field: str = FIELD) -> bool:
    """Whether a document brings its vector, or a text to make one of."""
    return source.get(field) is not None or bool(document_text(source, fields))


async def find_vectors(records: Sequence[Record], vectors: Vectors) -> dict[int, list[float] | str]:
    """By the records' lines: a vector, or why the document cannot have one. Raises RerankError (see `Embed`)."""
    found: dict[int, list[float] | str] = {}
    texts: dict[int, str] = {}
    for record in records:
        given = record.source.get(vectors.field)
        if given is not None:
            found[record.line] = _checked(given, f"field {vectors.field!r}")
        elif text := document_text(record.source, vectors.fields):
            texts[record.line] = text
    made = await _embed(list(texts.values()), vectors.embed) if texts else []
    for line, vector in zip(texts, made, strict=True):
        found[line] = vector if isinstance(vector, str) else _checked(list(vector), "the embedder's answer")
    return found


def document_text(source: Mapping[str, object], fields: Sequence[str]) -> str:
    """The values of `fields`, lists joined by commas, joined as sentences; "" where all are empty."""
    parts = []
    for name in fields:
        value = source.get(name)
        values = value if isinstance(value, list) else [value]
        parts.append(", ".join(str(part).strip() for part in values if isinstance(part, str | int | float)))
    return ". ".join(part for part in parts if part)[:TEXT_LIMIT]


async def _embed(texts: list[str], embed: Embed) -> list[Sequence[float] | str]:
    try:
        return list(await embed(texts))
    except RerankError as error:
        if error.reason is not Reason.MODEL:
            raise
        if len(texts) == 1:
            return [f"the embedder cannot read it: {error}"]
    half = len(texts) // 2
    return await _embed(texts[:half], embed) + await _embed(texts[half:], embed)


def _checked(vector: object, where: str) -> list[float] | str:
    if not isinstance(vector, list) or not vector:
        return f"{where} is not a list of numbers"
    for value in vector:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{where} holds {value!r}, which is no number"
        if not math.isfinite(value):
            return f"{where} holds {value}: not a finite number"
    return vector
