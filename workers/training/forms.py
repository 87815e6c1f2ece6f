"""The forms in which a model sees a document while it learns: which fields in which order, and where it is cut.

Rule: most examples have the form that is served; some have another, so that templates like "name. description" work.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from workers.training.batches import Example
from workers.training.data import TEXT_FIELDS, Collection, document_text
from workers.training.mining import Pair

OTHER_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Forms:
    """`cuts` are characters of a document, drawn for each example: short texts train faster, and teach that titles may
    stand alone.
    """

    fields: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]
    cuts: tuple[int, ...]

    def examples(self, collection: Collection, pairs: Sequence[Pair], rng: random.Random) -> list[Example]:
        """Return each pair as text."""
        found: list[Example] = []
        for pair in pairs:
            fields = rng.choice(self.others) if rng.random() < OTHER_SHARE else self.fields
            text = document_text(collection.documents[pair.document], fields, rng.choice(self.cuts))
            found.append(Example(pair.query, text, pair.label))
        return found


WHOLE = Forms(
    TEXT_FIELDS,
    (
        ("title", "text"),
        ("brand", "title", "text", "color"),
        ("title", "brand", "color", "text"),
        ("category", "title", "brand", "text"),
    ),
    (200, 280, 360, 490),
)
WITHOUT_CATEGORY = Forms(
    ("title", "brand", "color", "text"),
    (("title", "text"), ("brand", "title", "text", "color")),
    (160, 240, 320, 450),
)
"""What the bundled model's teachers learned from."""
