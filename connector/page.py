"""The final list: the window in its final order, then the lexical order without the window's ids. Pure.

The order of a window is plain data that can be kept: every page of a search is cut from the same `Order`. Scores obey
wire.md: a scored document shows 1 + its probability (1 to 2), any other one s / (1 + s_max) of its first-stage score
(below 1), and none is above the one before it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from connector.agreement import agreements
from connector.calibration import sigmoid
from connector.evidence import NONE, Evidence
from connector.settings import Blend
from connector.types import Candidate, Key, Outcome, Passage, Scores, State


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A document's place in the window's final order."""

    index: str
    id: str
    shown: float  # the `_score` that the answer shows
    logit: float | None  # None: not scored
    engine_rank: int | None  # 1-based, in the lexical list
    engine_score: float | None
    passage: Passage | None = None  # what won, where the policy reads passages
    first_rank: int | None = None  # 1-based, in the fused first-stage list
    knn_rank: int | None = None  # 1-based, in the vector leg's list
    knn_score: float | None = None
    from_cache: bool = False  # its logit was there before this order was made
    exclusion: float = 0.0  # logits that what the query excludes takes from it or gives it
    agreement: float | None = None  # how well its category agrees with those of the best, 0 to 1, where that counts
    routing: str = ""  # of the hit, where it names one

    @property
    def key(self) -> Key:
        return self.index, self.id, self.routing


class Order(msgspec.Struct, frozen=True, array_like=True):
    """A window's final order and what the answer says of it; what Redis keeps for `page_ttl_s`."""

    places: list[Place]
    top_score: float  # the best lexical score: s_max of the documents behind the window
    outcome: Outcome


def encode(order: Order) -> bytes:
    return msgspec.msgpack.encode(order)


def decode(value: bytes) -> Order | None:
    """None where the bytes are not an order of this version."""
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError:
        return None


_decoder = msgspec.msgpack.Decoder(Order)


class Value(NamedTuple):
    """Of a scored candidate: what it is sorted by, what it shows (0 to 1), and the agreement that took part."""

    sorting: float
    shown: float
    agreement: float | None = None


def arrange(
    candidates: Sequence[Candidate], scores: Scores, blend: Blend, outcome: Outcome, evidence: Evidence = NONE
) -> Order:
    """Put candidates (first-stage order) into their final order.

    Applied: the scored ones by their score, then those that nothing could be read of. Partial: only the longest prefix
    of first-stage ranks whose scores are all there is reordered. Otherwise first-stage order stands.
    """
    logits = scores.logits or (None,) * len(candidates)
    settled = scores.depth if scores.state in (State.APPLIED, State.PARTIAL) else 0
    head = [(i, logit) for i, logit in enumerate(logits[:settled]) if logit is not None and not math.isnan(logit)]
    values = _values(candidates, dict(head), blend, evidence)
    ranked = sorted(values, key=lambda i: (-values[i].sorting, i))
    placed = set(ranked)
    order = ranked + [i for i in range(len(candidates)) if i not in placed]
    top = max((c.engine_score or 0.0 for c in candidates), default=0.0)
    places, limit = [], 2.0
    for i in order:
        candidate = candidates[i]
        value = 1.0 + values[i].shown if i in placed else below_one(candidate.engine_score, top)
        if candidate.engine_score is None and i not in placed:  # only the vector leg found it: its neighbour's score
            value = below_one(top, top)
        limit = min(limit, value)
        places.append(
            Place(
                candidate.index,
                candidate.id,
                limit,
                logits[i] if i in placed else None,
                candidate.engine_rank,
                candidate.engine_score,
                scores.passages[i] if i in placed and scores.passages else None,
                i + 1,
                candidate.knn_rank,
                candidate.knn_score,
                i in placed and bool(scores.from_cache) and scores.from_cache[i],
                evidence.exclusion[i] if i in placed and evidence.exclusion else 0.0,
                values[i].agreement if i in placed else None,
                candidate.routing,
            )
        )
    return Order(places, top, outcome)


def below_one(score: float | None, top: float) -> float:
    """`s / (1 + s_max)`: what a document shows that was not scored."""
    return max(score or 0.0, 0.0) / (1.0 + max(top, 0.0))


def _values(
    candidates: Sequence[Candidate], logits: dict[int, float], blend: Blend, evidence: Evidence
) -> dict[int, Value]:
    """The value of each scored candidate.

    Without a blend the logit itself sorts: probabilities of strong matches are equal in floating point.
    """
    if evidence.exclusion:
        logits = {i: logit + evidence.exclusion[i] for i, logit in logits.items()}
    total = blend.rerank + blend.lexical + blend.vector
    if blend.lexical == blend.vector == 0 and not evidence.paths:
        return {i: Value(logit, sigmoid(logit)) for i, logit in logits.items()}
    best = max((c.engine_score or 0.0 for c in candidates), default=0.0) or 1.0
    near = max((c.knn_score or 0.0 for c in candidates), default=0.0) or 1.0
    sums = {}
    for i, logit in logits.items():
        lexical, vector = candidates[i].engine_score or 0.0, candidates[i].knn_score or 0.0
        sums[i] = blend.rerank * sigmoid(logit) + blend.lexical * lexical / best + blend.vector * vector / near
    if not evidence.paths:
        return {i: Value(value, _share(value, total)) for i, value in sums.items()}
    agreed = agreements([_share(value, total) for value in sums.values()], [evidence.paths[i] for i in sums])
    values, total = {}, total + evidence.agreement
    for (i, value), agreement in zip(sums.items(), agreed, strict=True):
        value += evidence.agreement * agreement
        values[i] = Value(value, _share(value, total), agreement)
    return values


def _share(value: float, total: float) -> float:
    return min(max(value / (total or 1.0), 0.0), 1.0)
