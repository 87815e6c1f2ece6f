"""The explanation of a hit whose caller asked for one: how it came to its `_score`, in the engine's own form.

The engine's tree stays as it wrote it, below a tree of ours of the same form: {"value", "description", "details"}.
"""

import orjson

from connector.calibration import Calibration, sigmoid
from connector.dialects.splice import read_spans
from connector.page import Place
from connector.passage import Won
from connector.settings import Model, Policy
from connector.types import Candidate

MEMBER = "_explanation"
KEY = b'"_explanation"'

Tree = dict[str, object]


def explain(
    candidate: Candidate,
    place: Place,
    shown: float | None,
    policy: Policy,
    model: Model,
    passage: Won | None,
    calibration: Calibration | None = None,
) -> bytes | None:
    """The new value of `_explanation`; None where the engine gave the hit none. `shown` is the `_score` of ours that
    the hit shows, None where it shows the engine's.
    """
    spans = read_spans(candidate.raw) if KEY in candidate.raw else None
    if spans is None or MEMBER not in spans:
        return None
    engines = candidate.raw[spans[MEMBER].start : spans[MEMBER].end]
    score = candidate.engine_score if candidate.engine_rank is not None else candidate.knn_score
    details = [*_second_pass(place, policy, model, passage, calibration), *_first_stage(place, policy)]
    ours = _tree(score if shown is None else shown, _headline(place, shown), details)
    leg = "the caller's query" if candidate.engine_rank is not None else "the vector leg"
    wrapped = orjson.dumps(_tree(score, f"score of {leg}, explained by the engine", []))
    return _append(orjson.dumps(ours), _append(wrapped, engines))


def _headline(place: Place, shown: float | None) -> str:
    if shown is None:
        return "the engine's score, in the second pass's order"
    if place.logit is not None:
        return "1 + value of the second pass, not above the hit before"
    return "not scored by the second pass: s / (1 + best s) of the first stage's score, not above the hit before"


def _second_pass(
    place: Place, policy: Policy, model: Model, passage: Won | None, calibration: Calibration | None
) -> list[Tree]:
    """What the model said, and how the policy blends it."""
    if place.logit is None:
        return []
    source = "cache" if place.from_cache else "worker"
    probability = _tree(
        sigmoid(place.logit),
        "probability, sigmoid of the logit",
        [_tree(place.logit, f"logit of model [{model.name}], from {source}", [])],
    )
    blend, details = policy.blend, [probability]
    if calibration is not None:
        calibrated = calibration.probability(place.logit)
        details.append(_tree(calibrated, "probability, calibrated on graded documents; no part of the score", []))
    if place.exclusion:
        said = "names what the query excludes" if place.exclusion < 0 else "says that it has none of what it excludes"
        details.append(_tree(place.exclusion, f"added to the logit: the text {said}", []))
    if place.agreement is not None:
        what = f"agreement of [{policy.agreement_field}] with those of the best"
        details.append(_tree(place.agreement, f"{what}, weighted by {policy.agreement}", []))
    if blend.lexical or blend.vector:
        details += [
            _tree(weight, f"blend: weight of {what}", [])
            for weight, what in (
                (blend.rerank, "the probability"),
                (blend.lexical, "the lexical score over the best"),
                (blend.vector, "the vector score over the best"),
            )
        ]
    if passage is not None:
        details.append(_tree(passage["start"], f"the winning passage, from this character on: {passage['text']}", []))
    return details


def _first_stage(place: Place, policy: Policy) -> list[Tree]:
    """The document's places before the second pass."""
    legs = [
        _tree(place.engine_rank, "rank by the caller's query", [_tree(place.engine_score, "lexical score", [])]),
        _tree(place.knn_rank, "rank by the vector leg", [_tree(place.knn_score, "vector score", [])]),
    ]
    found = [leg for leg in legs if leg["value"] is not None]
    how = f"fused by {policy.fusion}" if policy.candidates == "fused" else "of the caller's query alone"
    return [_tree(place.first_rank or place.engine_rank, f"rank in the first stage, {how}", found)]


def _tree(value: object, description: str, details: list[Tree]) -> Tree:
    return {"value": value, "description": description, "details": details}


def _append(tree: bytes, detail: bytes) -> bytes:
    """`tree` with one more of `details`, which stand last in it, as bytes."""
    inside = tree.removesuffix(b"]}")
    return inside + (b"" if inside.endswith(b"[") else b",") + detail + b"]}"
