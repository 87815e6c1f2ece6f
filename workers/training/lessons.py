"""From graded queries to lists that a model learns from, and to the figure on dev that it is chosen by.

Rule: a list is a query's known documents with their relevance, 0 to 1, and hard negatives from the live engine at 0.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.errors import ConfigError
from workers.training.batches import Example
from workers.training.compare import dev_window
from workers.training.data import Collection, by_text, document_text, folded
from workers.training.encoder import MAX_TOKENS
from workers.training.gather import shares
from workers.training.negatives import Negatives, Teacher, candidates, draw

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours

Figure = Callable[["PreTrainedModel", "PreTrainedTokenizerFast"], float]


def graded_examples(
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    negatives: Negatives,
    seed: int,
    teacher: Teacher | None = None,
    top: int = 0,
) -> list[Example]:
    """Return the pairs of the train queries, a query's in a row. `top` is the grade that is 1; 0: the highest of all.
    Raises ConfigError where no graded document exists.
    """
    rng = random.Random(f"negatives {seed}")
    texts = {key: document_text(row) for key, row in collection.documents.items()}
    queries, grades = collection.part("train")
    labels = shares(grades, top)
    told = by_text(queries, labels)
    graded = {key: text for key, text in queries.items() if any(document in texts for document in labels.get(key, {}))}
    if not graded:
        raise ConfigError("no train query has a graded document that is in the index or corpus; do the ids agree?")
    lists = candidates(negatives, list(graded.values()), engine, embed) if negatives.count else [[] for _ in graded]
    examples: list[Example] = []
    for (key, query), found in zip(graded.items(), lists, strict=True):
        known = labels[key]
        examples += [Example(query, texts[document], share) for document, share in known.items() if document in texts]
        drawn = draw(negatives, query, found, told[folded(query)], texts, rng, teacher)
        examples += [Example(query, texts[document], 0.0) for document in drawn]
    return examples


def dev_figure(collection: Collection, engine: Neighbours, embed: Embed, max_tokens: int = MAX_TOKENS) -> Figure | None:
    """Return what measures a model's nDCG@10 over the fused windows of the dev queries; None without such queries."""
    window = dev_window(collection, engine, embed, max_tokens)
    return window.figure if window else None
