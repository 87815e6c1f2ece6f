"""The recipe of a shop's cross-encoder: learn from the catalogue first, then from what people graded.

Rule: breadth before grades. Stage `made` sees thousands of queries made from the catalogue and no grade; stage
`graded` is short, at a low rate, and mixes fresh made queries in, because 75 graded queries alone ruin the model.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workers.training.data import TEXT_FIELDS, Collection, document_text
from workers.training.mining import Neighbours, Pair, mine, mine_graded
from workers.training.queries import make_queries
from workers.training.state import kept
from workers.training.trainer import Example, Pass, Progress, fit, load

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.mining import Embed, Vectors

OTHER_FORMS = (("title", "text"), ("brand", "title", "text", "color"))
OTHER_FORM_SHARE = 0.3
"""Share of texts in another order of fields, so that templates like "name. description" work as well."""

CUTS = (160, 240, 320, 450)
"""Characters of a document, drawn for each example: short texts train faster and teach that titles may stand alone."""

LEARN, REFINE = Pass(8e-5), Pass(3e-5)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many made queries each stage has, and how it learns from them."""

    made: int = 3200
    replayed: int = 400
    unjudged: int = 25
    learn: Pass = LEARN
    refine: Pass = REFINE


DEFAULT = Recipe()


def train_catalogue(
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    start: str | Path,
    out: Path,
    seed: int,
    recipe: Recipe = DEFAULT,
    device: str = "cpu",
    minutes: float = 0.0,
    say: Say = print,
    progress: Progress | None = None,
    judged: Sequence[Pair] = (),
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Train on a catalogue and its train grades; return the model and its tokenizer.

    `judged` are pairs of other queries, graded elsewhere, that join the grades.

    The checkpoint after `made` is kept as `out/made`; where it is there already, training goes on from it, and within a
    stage from its last saved state. `minutes` bounds each stage (0: no bound).
    """
    rng = random.Random(seed)
    queries, grades = collection.part("train")
    vectors = _vectors(collection, engine, embed)
    checkpoint = out / "made"
    if checkpoint.exists():
        say(f"stage made: found {checkpoint}, going on from it")
        model, tokenizer = load(checkpoint, seed, device)
    else:
        model, tokenizer = load(start, seed, device)

        def made() -> list[Example]:
            return _examples(collection, _made_pairs(collection, engine, embed, vectors, recipe.made, rng), rng)

        examples = kept(out / "made.jsonl", made)
        say(f"stage made: {len(examples)} pairs")
        state = out / "made.state"
        loss = fit(model, tokenizer, examples, recipe.learn, seed, device, minutes, progress, state)
        say(f"stage made: loss {loss:.4f}")
        save_whole(model, tokenizer, checkpoint)
        state.unlink(missing_ok=True)
    if grades or judged:
        rng = random.Random(f"graded {seed}")  # the same whether stage `made` ran now or before

        def graded() -> list[Example]:
            pairs = mine_graded(queries, grades, engine, embed, rng, recipe.unjudged)
            pairs += _made_pairs(collection, engine, embed, vectors, recipe.replayed, rng)
            pairs += judged
            return _examples(collection, pairs, rng)

        examples = kept(out / "graded.jsonl", graded)
        say(f"stage graded: {len(examples)} pairs")
        state = out / "graded.state"
        loss = fit(model, tokenizer, examples, recipe.refine, seed, device, minutes, progress, state)
        say(f"stage graded: loss {loss:.4f}")
    return model, tokenizer


def save_whole(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a checkpoint under another name first and rename it, so that it is whole or absent."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    part.rename(folder)


def _made_pairs(
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    vectors: dict[str, Vectors],
    count: int,
    rng: random.Random,
) -> list[Pair]:
    made = make_queries(collection.documents, count, rng)
    return mine(made, collection.documents, engine, embed, vectors, rng)


def _examples(collection: Collection, pairs: Sequence[Pair], rng: random.Random) -> list[Example]:
    examples: list[Example] = []
    for pair in pairs:
        fields = rng.choice(OTHER_FORMS) if rng.random() < OTHER_FORM_SHARE else TEXT_FIELDS
        text = document_text(collection.documents[pair.document], fields, rng.choice(CUTS))
        examples.append(Example(pair.query, text, pair.label))
    return examples


def _vectors(collection: Collection, engine: Neighbours, embed: Embed) -> dict[str, Vectors]:
    """Return a unit vector of each document: the engine's own, embedded here where it gives none."""
    import numpy as np

    stored = engine.vectors(list(collection.documents))
    found: dict[str, Vectors] = {}
    for key, vector in stored.items():
        values = np.asarray(vector, np.float32)
        found[key] = values / np.float32(np.linalg.norm(values) or 1.0)
    missing = [key for key in collection.documents if key not in found]
    if missing:
        texts = [document_text(collection.documents[key]) for key in missing]
        found |= dict(zip(missing, embed(texts), strict=True))
    return found
