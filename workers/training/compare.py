"""Teacher against student: order on the dev queries, pairs a second, megabytes.

Rule: both order the same fused windows of the live engine, and are timed on the same pairs in the same process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.training.data import Collection, Grades, document_text
from workers.training.encoder import MAX_TOKENS
from workers.training.measure import Run, first_stage, gain, known, mean, per_query, rerank
from workers.training.teachers import Pair, Teacher, blend

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from workers.training.embedding import Embed
    from workers.training.mining import Neighbours

TIMED = 128
"""Pairs that speed is measured on: 1 to 3 s for six MiniLM layers on one core."""


@dataclass(frozen=True, slots=True)
class Window:
    """The fused lists of the dev queries."""

    collection: Collection
    queries: dict[str, str]
    grades: Grades
    fused: Run
    max_tokens: int

    def ranked(self, teachers: Sequence[Teacher], weights: Sequence[float]) -> Run:
        """Return each list in the order of the blend."""
        asked = [(query, key) for query, keys in self.fused.items() for key in keys]
        texts = {key: document_text(self.collection.documents[key]) for _, key in asked}
        found = blend(teachers, weights, [(self.queries[query], texts[key]) for query, key in asked])
        scored: dict[str, dict[str, float]] = {}
        for (query, key), score in zip(asked, found, strict=True):
            scored.setdefault(query, {})[key] = score
        return {query: sorted(own, key=lambda key: -own[key]) for query, own in scored.items()}

    def figure(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> float:
        """Return a model's mean nDCG@10."""
        order = rerank(model, tokenizer, self.collection, self.queries, self.fused, self.max_tokens)
        return mean(per_query(order, self.grades))

    def compare(self, teacher: Run, student: Run) -> list[str]:
        """Return the figures of both orders, and what the student loses."""
        before, after = per_query(teacher, self.grades), per_query(student, self.grades)
        first = mean(per_query(self.fused, self.grades))
        difference, low, high = gain(after, before)
        return [
            f"dev ({len(self.grades)} queries) nDCG@10: fused {first:.4f}, teacher {mean(before):.4f}, "
            f"student {mean(after):.4f}",
            f"student against teacher: {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f})",
        ]


def dev_window(collection: Collection, engine: Neighbours, embed: Embed, max_tokens: int = MAX_TOKENS) -> Window | None:
    """Return the lists of the dev queries, for models that read `max_tokens`; None without any."""
    queries, grades = collection.part("dev")
    if not grades:
        return None
    fused = first_stage(engine, queries, embed)["fused"]
    return Window(collection, queries, grades, known(fused, collection), max_tokens)


def speeds(models: Sequence[Teacher], pairs: Sequence[Pair]) -> list[str]:
    """Return a line a model: megabytes, pairs a second here and now, after a short warm-up."""
    some = (list(pairs) * TIMED)[:TIMED]
    lines = []
    for model in models:
        model.score(some[:16])
        began = time.perf_counter()
        model.score(some)
        lines.append(f"{model.name}: {model.size}, {TIMED / (time.perf_counter() - began):.0f} pairs/s")
    return lines
