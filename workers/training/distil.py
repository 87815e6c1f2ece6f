"""Distilling: a student learns a teacher's scores on the documents that a live engine finds.

Rule: no grade is needed; queries are those of the train part and ones made from the catalogue, and each is read with
neighbours of every rank band, because a student only knows what it was shown.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workers.training.batches import Example
from workers.training.calibrated import on_dev
from workers.training.compare import dev_window, speeds
from workers.training.data import Collection, document_text
from workers.training.encoder import load
from workers.training.mining import BANDS, DEPTH, merge
from workers.training.queries import make_queries
from workers.training.run import Run, finish
from workers.training.seeds import best, spread, train_seeds
from workers.training.state import kept
from workers.training.student import keep_layers, keep_units
from workers.training.teachers import Pair, Teacher, blend, open_teacher
from workers.training.vocabulary import prune, used_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours
    from workers.training.seeds import Trained


@dataclass(frozen=True, slots=True)
class Distillation:
    """Who teaches with which weight, and what the student keeps: layers and units of each (0: all) and, if asked for,
    used tokens.
    """

    teachers: Sequence[Teacher]
    weights: Sequence[float]
    layers: int = 3
    units: int = 0
    vocabulary: bool = False
    least: int = 1
    made: int = 3200
    per_query: int = 8

    def shrink(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]
    ) -> PreTrainedTokenizerFast:
        """Make the student out of a model, in place; return its tokenizer."""
        if self.layers:
            keep_layers(model, self.layers)
        if self.units:
            keep_units(model, self.units)
        return prune(model, tokenizer, used_tokens(tokenizer, texts, self.least)) if self.vocabulary else tokenizer


def distil_seeds(run: Run, wanted: Distillation, collection: Collection, engine: Neighbours, embed: Embed) -> Path:
    """Train each seed's student, compare the best with its teachers, and return its folder."""
    window = dev_window(collection, engine, embed, run.how.max_tokens)

    def labelled() -> list[Example]:
        run.say(f"labelling with {len(wanted.teachers)} teacher{'s' * (len(wanted.teachers) > 1)}")
        return distil_examples(wanted, collection, engine, embed, lambda done, total: run.progress(done, total, 0.0))

    examples = kept(run.out / "labelled.jsonl", labelled)
    texts = [*(document_text(row) for row in collection.documents.values()), *{e.query for e in examples}]

    def train(seed: int, folder: Path) -> Trained:
        model, tokenizer = load(run.start, seed, run.device)
        tokenizer = wanted.shrink(model, tokenizer, texts)
        run.fit(model, tokenizer, examples, seed, folder, None)
        return model, tokenizer

    runs = train_seeds(run.seeds, run.out, train, window.figure if window else None, run.say)
    chosen = best(runs)
    model, tokenizer = load(chosen.folder, chosen.seed, run.device)
    student = replace(open_teacher(str(chosen.folder), run.device), name="the student")
    lines = speeds([*wanted.teachers, student], [(example.query, example.document) for example in examples])
    if window:
        lines += window.compare(window.ranked(wanted.teachers, wanted.weights), window.ranked([student], [1.0]))
    else:
        lines.append("no graded dev queries (--dev): teacher and student were not compared")
    names = ", ".join(
        f"{teacher.name} (weight {weight:g})" for teacher, weight in zip(wanted.teachers, wanted.weights, strict=True)
    )
    queries = len({example.query for example in examples})
    data = f"{len(examples)} pairs of {queries} queries, labelled by {names}; no grade was used."
    limits = [
        f"Texts in {', '.join(run.languages)} like the {len(collection.documents)} documents it saw; elsewhere it has "
        "its teachers' weaknesses and its own.",
        "Speed was measured on the machine that trained it, in bf16 or fp32; see `secondpass quantize` for int8.",
    ]
    if wanted.vocabulary:
        limits.append("Words that the corpus does not use are read in small pieces: distil again for a new corpus.")
    summary = "A small cross-encoder that learnt the scores of larger models."
    found = [*lines, *spread(runs, "Dev nDCG@10")]
    asked = [*(example.query for example in examples), *collection.part("dev")[0].values()]
    known = on_dev(model, tokenizer, collection, run.how.max_tokens, run.say)
    return finish(run, model, tokenizer, summary, data, [f"- {line}" for line in found], limits, asked, known)


def distil_examples(
    wanted: Distillation,
    collection: Collection,
    engine: Neighbours,
    embed: Embed,
    progress: Callable[[int, int], None] = lambda done, total: None,
    seed: int = 0,
) -> list[Example]:
    """Return pairs with the teachers' blended scores, a query's in a row."""
    rng = random.Random(f"distil {seed}")
    texts = {key: document_text(row) for key, row in collection.documents.items()}
    asked = [*collection.part("train")[0].values()]
    asked += [query.text for query in make_queries(collection.documents, wanted.made, rng)]
    queries = list(dict.fromkeys(asked))
    lexical, nearest = engine.lexical(queries, DEPTH), engine.nearest(embed(queries).tolist(), DEPTH)
    whole = sum(size for *_, size in BANDS)
    pairs: list[Pair] = []
    for query, one, other in zip(queries, lexical, nearest, strict=True):
        found = [key for key in merge(one, other) if key in texts]
        for low, high, size in BANDS:
            band = found[low:high]
            share = min(len(band), -(-wanted.per_query * size // whole))
            pairs += [(query, texts[key]) for key in rng.sample(band, share)]
    labels = blend(wanted.teachers, wanted.weights, pairs, progress)
    return [Example(query, text, label) for (query, text), label in zip(pairs, labels, strict=True)]
