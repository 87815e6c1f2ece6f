"""What quantising a model costs and gives: order and quality against fp32, speed in turns with it.

Rule: both sides score the same texts, block by block in turns, and speed is CPU time: a busy machine disturbs both
alike. An interval is the bootstrap over queries (10,000 draws, fixed seed).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.agreement import agreement
from workers.batching import CPU_TOKENS, Batches
from workers.quantize.record import Quality
from workers.runtimes.base import Logits, Runtime, RuntimeRefused
from workers.scorer import Pair
from workers.tokens import Tokens
from workers.training.data import Grades
from workers.training.measure import per_query

BLOCK = 64  # pairs that one side scores before it is the other's turn
DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Side:
    """One runtime's logits [pairs, labels] and its speed in pairs a CPU second."""

    logits: Logits
    rate: float


def in_turns(
    runtimes: Sequence[Runtime], tokens: Tokens, pairs: Sequence[Pair], progress: Callable[[int], None] = lambda _: None
) -> list[Side]:
    """Score all pairs with each runtime; `progress` gets the pairs that all have scored. Raises RuntimeRefused where a
    text cannot be scored.
    """
    rows = [row for row in tokens.encode_pairs(pairs) if row is not None]
    if len(rows) < len(pairs):
        raise RuntimeRefused(f"{len(pairs) - len(rows)} of the texts cannot be tokenised")
    parts: list[list[Logits]] = [[] for _ in runtimes]
    seconds = [0.0] * len(runtimes)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        for place, runtime in enumerate(runtimes):
            began = time.process_time()
            found: dict[int, Logits] = {}
            for batch, logits in Batches(CPU_TOKENS).run(
                [len(row.ids) for row in block],
                lambda batch, runtime=runtime, block=block: runtime.forward(  # type: ignore[misc]
                    *tokens.batch([block[number] for number in batch])
                ),
            ):
                if logits is None:
                    raise RuntimeRefused(f"{runtime.name} {runtime.precision} cannot score one of the texts")
                found.update(zip(batch, logits, strict=True))
            if start or len(rows) <= BLOCK:  # the first block warms up
                seconds[place] += time.process_time() - began
            parts[place].append(np.stack([found[number] for number in range(len(block))]))
        progress(min(start + BLOCK, len(rows)))
    timed = len(rows) - BLOCK if len(rows) > BLOCK else len(rows)
    return [Side(np.concatenate(part), timed / spent) for part, spent in zip(parts, seconds, strict=True)]


def compare(reference: Side, quantised: Side) -> tuple[float, float]:
    """Kendall's tau and the largest difference in standard deviations, of at most 2,000 pairs (it squares)."""
    return agreement(reference.logits[:2000], quantised.logits[:2000])


def quality(
    data: str, places: Sequence[tuple[str, str]], grades: Grades, reference: Logits, quantised: Logits
) -> Quality:
    """nDCG@10 of both orders; `places` are (query id, document id) of the rows of logits."""
    before, after = (_per_query(places, grades, logits[:, 0]) for logits in (reference, quantised))
    differences = np.array([before[query] - after[query] for query in sorted(before)])
    draws = np.random.default_rng(0).integers(0, len(differences), (DRAWS, len(differences)))
    means = np.sort(differences[draws].mean(axis=1))
    low, high, bound = (float(np.quantile(means, share)) for share in (0.025, 0.975, 0.95))
    return Quality(
        data=data,
        queries=len(before),
        pairs=len(places),
        reference=round(float(np.mean(list(before.values()))), 4),
        quantised=round(float(np.mean(list(after.values()))), 4),
        loss=round(float(differences.mean()), 5),
        loss_95=(round(low, 5), round(high, 5)),
        loss_bound=round(bound, 5),
    )


def _per_query(places: Sequence[tuple[str, str]], grades: Grades, scores: NDArray[np.float32]) -> dict[str, float]:
    run: dict[str, list[str]] = {}
    for place in np.argsort(-scores, kind="stable"):
        query, document = places[place]
        run.setdefault(query, []).append(document)
    return per_query(run, {query: grades[query] for query in run})
