"""The recipe of a shop's cross-encoder: learn from the catalogue first, then from what people graded.

Rule: breadth before grades. Stage `made` sees thousands of queries made from the catalogue and no grade; `judged`,
`judged-2` and on, where there are any, what was graded elsewhere; `graded` is short, at a low rate. The later stages
mix fresh made queries in, because 75 graded queries alone ruin the model.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workers.training.data import TEXT_FIELDS, Collection, document_text
from workers.training.mining import Neighbours, Pair, mine, mine_graded
from workers.training.queries import make_queries
from workers.training.state import SAVE_S, kept
from workers.training.trainer import Example, Pass, Progress, fit, load

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Vectors

OTHER_FORMS = (("title", "text"), ("brand", "title", "text", "color"))
OTHER_FORM_SHARE = 0.3
"""Share of texts in another order of fields, so that templates like "name. description" work as well."""

CUTS = (160, 240, 320, 450)
"""Characters of a document, drawn for each example: short texts train faster and teach that titles may stand alone."""

LEARN, JUDGE, REFINE = Pass(8e-5), Pass(6e-5), Pass(3e-5)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What each stage learns from, made queries by their number, and how."""

    made: int = 3200
    replayed_judged: int = 600
    replayed: int = 400
    unjudged: int = 25
    graded: bool = True  # whether the train grades are learnt from at all
    learn: Pass = LEARN
    judge: Pass = JUDGE
    judge_more: Pass = JUDGE  # stages judged-2 and on
    refine: Pass = REFINE


DEFAULT = Recipe()


@dataclass(frozen=True, slots=True)
class Stage:
    """A name, how to learn, and the pairs to learn from, made with the stage's own random numbers."""

    name: str
    how: Pass
    seed: int | str
    pairs: Callable[[random.Random], list[Pair]]


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
    judged: Sequence[Sequence[Pair]] = (),
    save_s: float = SAVE_S,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Train on a catalogue and its train grades; return the model and its tokenizer.

    `judged` are pairs of other queries, graded elsewhere: a stage for each of them, before that of the grades.

    The checkpoint after each stage but the last is kept as `out/NAME`; where it is there already, training goes on from
    it, and within a stage from its last saved state. `minutes` bounds each stage (0: no bound).
    """
    queries, grades = collection.part("train")
    vectors = _vectors(collection, engine, embed)

    def made(count: int, rng: random.Random) -> list[Pair]:
        return _made_pairs(collection, engine, embed, vectors, count, rng)

    def elsewhere(pairs: Sequence[Pair], rng: random.Random) -> list[Pair]:
        return [*pairs, *made(recipe.replayed_judged, rng)]

    def graded(rng: random.Random) -> list[Pair]:
        return mine_graded(queries, grades, engine, embed, rng, recipe.unjudged) + made(recipe.replayed, rng)

    stages = [Stage("made", recipe.learn, seed, partial(made, recipe.made))]
    for number, pairs in enumerate(judged, start=1):
        name, how = (f"judged-{number}", recipe.judge_more) if number > 1 else ("judged", recipe.judge)
        stages.append(Stage(name, how, f"{name} {seed}", partial(elsewhere, pairs)))
    if grades and recipe.graded:
        stages.append(Stage("graded", recipe.refine, f"graded {seed}", graded))
    done = max((n for n, stage in enumerate(stages) if (out / stage.name).exists()), default=-1)
    if done >= 0:
        start = out / stages[done].name
        say(f"stage {stages[done].name}: found {start}, going on from it")
    model, tokenizer = load(start, seed, device)
    for stage in stages[done + 1 :]:

        def examples(stage: Stage = stage) -> list[Example]:
            rng = random.Random(stage.seed)
            pairs = stage.pairs(rng)
            known = [pair for pair in pairs if pair.document in collection.documents]
            if len(known) < len(pairs):
                say(f"stage {stage.name}: {len(pairs) - len(known)} pairs name a document that is not there: left out")
            return _examples(collection, known, rng)

        learnt = kept(out / f"{stage.name}.jsonl", examples)
        say(f"stage {stage.name}: {len(learnt)} pairs")
        state = out / f"{stage.name}.state"
        loss = fit(model, tokenizer, learnt, stage.how, seed, device, minutes, progress, state, save_s=save_s)
        say(f"stage {stage.name}: loss {loss:.4f}")
        if stage is not stages[-1]:
            save_whole(model, tokenizer, out / stage.name)
            state.unlink(missing_ok=True)
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
        found |= dict(zip(missing, embed(texts, "document"), strict=True))
    return found
