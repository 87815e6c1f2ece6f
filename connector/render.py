"""The bytes of an answer: the engine's own, but for `hits.hits`, `max_score`, `took` and details asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.calibration import Calibration, sigmoid
from connector.dialects.answer import Found, read_answer, render_hit, write_answer
from connector.dialects.asked import aggregations
from connector.dialects.controls import details
from connector.dialects.cuts import Cuts, cut_answer, cut_hit
from connector.explain import KEY as EXPLAINED
from connector.explain import explain
from connector.page import Order, Place, below_one
from connector.passage import Won, as_member
from connector.retrieve import Legs
from connector.settings import Model
from connector.types import Candidate, Key, Knn, Outcome, Reply, State


def render(
    body: bytes,
    found: Found,
    legs: Legs,
    order: Order,
    places: Sequence[Place],
    known: Mapping[Key, Candidate],
    rest: Sequence[Candidate],
    passages: Mapping[Key, Won],
    calibration: Calibration | None = None,
) -> tuple[bytes, Cuts | None]:
    """Write `places` (of the window) and then `rest` (of the lexical order behind it) where the engine's hits stood.

    Also gives the cuts that make the answer of the engine's bytes, where they are all it takes. `passages` are the
    winning ones, where the caller asked to see them. A document that was deleted since its order was kept is left out.
    """
    plan = legs.plan
    untouched = order.outcome.state is State.SKIPPED and order.outcome.knn is not Knn.FUSED
    ours = legs.policy.scores == "rerank" and not untouched
    last = order.places[-1].shown if order.places else 2.0
    listed = [(place, known[place.key]) for place in places if place.key in known]
    for candidate in rest:
        last = min(last, below_one(candidate.engine_score, order.top_score))
        place = Place(candidate.index, candidate.id, last, None, candidate.engine_rank, candidate.engine_score)
        listed.append((place, candidate))
    top = (order.places[0].shown if order.places else None) if ours else None
    if not (plan.details or passages) and (cuts := _cut(found, listed, plan.added, top, ours)):
        return cuts.of(body, order.outcome.ms), cuts
    hits = []
    for rank, (place, candidate) in enumerate(listed, start=plan.first + 1):
        shown = place.shown if ours else None
        passage = passages.get(place.key)
        detail = _detail(rank, place, legs.model, passage, calibration) if plan.details else None
        why = None if untouched else explain(candidate, place, shown, legs.policy, legs.model, passage, calibration)
        member = as_member(candidate, passage, plan.passage, shown)
        hits.append(render_hit(candidate, plan.added, shown, detail, why, member))
    said = details(order.outcome) if plan.details else None
    defined = aggregations(legs.request.body)
    return write_answer(body, found, hits, top, order.outcome.ms, said, plan.added, defined), None


def render_skipped(reply: Reply, first: int, outcome: Outcome) -> Reply:
    """The engine's own page, which begins behind `first` documents, with the details of a search that was skipped."""
    found = read_answer(reply.body, first) if reply.status == 200 else None
    if found is None:
        return reply
    hits = [
        render_hit(one, details=_scores(rank, rank, one.engine_score))
        for rank, one in enumerate(found.candidates, start=first + 1)
    ]
    return replace(reply, body=write_answer(reply.body, found, hits, details=details(outcome)))


def _cut(
    found: Found, listed: Sequence[tuple[Place, Candidate]], added: Sequence[str], top: float | None, ours: bool
) -> Cuts | None:
    """None where a hit comes from elsewhere, or the answer or a hit of it has not the layout for that."""
    if not found.layout.plain or not found.candidates or EXPLAINED in found.candidates[0].raw:
        return None
    first, names = found.candidates[0].engine_rank or 1, frozenset(added)
    hits = []
    for place, candidate in listed:
        at = (candidate.engine_rank or 0) - first
        if not 0 <= at < len(found.candidates) or found.candidates[at] is not candidate:
            return None
        hit = cut_hit(candidate, names, place.shown if ours else None)
        if hit is None:
            return None
        hits.append((at, hit))
    return cut_answer(found.layout, hits, top)


def _detail(
    rank: int, place: Place, model: Model, passage: Won | None, calibration: Calibration | None
) -> dict[str, object]:
    """`_secondpass` of a hit: ranks are 1-based; `score` is the logit under the model's activation; `probability` is
    there where the model is calibrated, `passage` where the policy reads passages.
    """
    score = None
    if place.logit is not None:
        score = place.logit if model.activation == "identity" else sigmoid(place.logit)
    found = _scores(rank, place.engine_rank, place.engine_score, place.logit, score)
    if calibration and place.logit is not None:
        found["probability"] = calibration.probability(place.logit)
    return found | {"passage": passage} if passage else found


def _scores(
    rank: int,
    engine_rank: int | None,
    engine_score: float | None,
    logit: float | None = None,
    score: float | None = None,
) -> dict[str, object]:
    return {
        "rank": rank,
        "engine_rank": engine_rank,
        "engine_score": engine_score,
        "logit": logit,
        "score": score,
    }
