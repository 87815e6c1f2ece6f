"""The recipe of a shop's cross-encoder: learn from the catalogue first, then from what people graded.

Rule: breadth before grades. Stage `made` sees thousands of queries made from the catalogue and no grade; stage
`taught` further ones, judged by models that have been through `made` (`workers.training.teaching`); stage `graded` is
short, at a low rate, and mixes made queries in, because 75 graded queries alone ruin the model.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workers.training.data import Collection, document_text
from workers.training.forms import WHOLE, Forms
from workers.training.mining import Neighbours, Pair, mine, mine_graded
from workers.training.queries import make_queries
from workers.training.state import kept
from workers.training.trainer import Example, Pass, Progress, fit, load

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.mining import Embed, Vectors

LEARN, FOLLOW, REFINE = Pass(8e-5), Pass(6e-5, max_tokens=144), Pass(3e-5, max_tokens=144)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How many made queries each stage has, and how it learns from them."""

    made: int = 3200
    replayed: int = 1500  # pairs of made queries in stage `graded`
    unjudged: int = 25
    learn: Pass = LEARN
    follow: Pass = FOLLOW
    refine: Pass = REFINE
    forms: Forms = WHOLE  # of stage `made`; the others see the whole


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
    lessons: Sequence[Pair] = (),
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Train on a catalogue and its train grades; return the model and its tokenizer.

    The checkpoint after each stage is kept as `out/STAGE`; where it is there already, training goes on from it, and
    within a stage from its last saved state. `minutes` bounds each stage (0: no bound). Without `lessons` there is no
    stage `taught`, without train grades no stage `graded`.
    """
    queries, grades = collection.part("train")
    vectors = document_vectors(collection, engine, embed)

    def made(rng: random.Random) -> list[Example]:
        queries = make_queries(collection.documents, recipe.made, rng)
        pairs = mine(queries, collection.documents, engine, embed, vectors, rng)
        return recipe.forms.examples(collection, pairs, rng)

    def taught(rng: random.Random) -> list[Example]:
        return WHOLE.examples(collection, lessons, rng)

    def graded(rng: random.Random) -> list[Example]:
        pairs = mine_graded(queries, grades, engine, embed, rng, recipe.unjudged)
        replayed = list(lessons) or mine(
            make_queries(collection.documents, recipe.replayed // 7, rng),
            collection.documents,
            engine,
            embed,
            vectors,
            rng,
        )
        pairs += rng.sample(replayed, min(recipe.replayed, len(replayed)))
        return WHOLE.examples(collection, pairs, rng)

    stages = [("made", made, recipe.learn)]
    stages += [("taught", taught, recipe.follow)] if lessons else []
    stages += [("graded", graded, recipe.refine)] if grades else []
    before: str | Path = start
    for name, make, how in stages:
        checkpoint = out / name
        if checkpoint.exists():
            say(f"stage {name}: found {checkpoint}, going on from it")
        else:
            model, tokenizer = load(before, seed, device)
            rng = random.Random(f"{name} {seed}")  # the same whether the stages before ran now or earlier
            examples = kept(out / f"{name}.jsonl", partial(make, rng))
            say(f"stage {name}: {len(examples)} pairs")
            state = out / f"{name}.state"
            loss = fit(model, tokenizer, examples, how, seed, device, minutes, progress, state)
            say(f"stage {name}: loss {loss:.4f}")
            save_whole(model, tokenizer, checkpoint)
            state.unlink(missing_ok=True)
        before = checkpoint
    return load(before, seed, device)


def save_whole(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a checkpoint under another name first and rename it, so that it is whole or absent."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    part.rename(folder)


def document_vectors(collection: Collection, engine: Neighbours, embed: Embed) -> dict[str, Vectors]:
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
