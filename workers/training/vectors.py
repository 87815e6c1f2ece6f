"""Are an index's vectors those of the embedder that queries are embedded with? Many have the same width, and among
another model's vectors a query's neighbours are strangers.

Rule: a document embedded again lies near itself. Of a sample, enough must be among their own nearest ten.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from connector.errors import ConfigError, EngineRefused
from workers.training.data import Collection, document_text
from workers.training.embedding import NONE

if TYPE_CHECKING:
    from workers.training.open import Opened

DRAWN = 500
"""Documents that are looked at for a vector: an index may hold some of a folder's, and vectors of some."""
SAMPLE = 48
NEAR = 10
LEAST_DOCUMENTS = 100
"""In a smaller index, ten are a large part of everything."""
ENOUGH = 0.3
"""Of the 48, all were with the right embedder, one with a wrong one of the same width (ESCI; the demo shop)."""


def check_vectors(found: Opened, collection: Collection) -> None:
    """Raise ConfigError where the vectors are another embedder's; an index that is too small to tell passes."""
    if found.embedder == NONE or len(collection.documents) < LEAST_DOCUMENTS:
        return
    engine, known = found.engine, sorted(collection.documents)
    sample = random.Random(0).sample(known, min(DRAWN, len(known)))
    keys = (list(engine.vectors(sample)) or sample)[:SAMPLE]  # Elasticsearch 9.2 shows no vectors
    vectors = found.embed([document_text(collection.documents[key]) for key in keys], "document")
    fix = "name theirs (--embedder, or embedder.source of the settings), or --embedder none"
    try:
        lists = engine.nearest(vectors.tolist(), NEAR)
    except EngineRefused as error:
        field = f"field {engine.vector_field} takes no vector of {found.embedder}"
        raise ConfigError(f"{engine.index}: {field} ({error}); {fix}") from error
    near = sum(key in {hit.id for hit in hits} for key, hits in zip(keys, lists, strict=True))
    if near < ENOUGH * len(keys):
        raise ConfigError(
            f"{engine.index}: of {len(keys)} documents that {found.embedder} embeds, {near} are among the ten nearest "
            f"to themselves: the vectors of field {engine.vector_field} are another embedder's; {fix}"
        )
