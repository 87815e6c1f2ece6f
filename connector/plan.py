"""What will be done for one search, decided before anything is asked of anyone: pure, and never an exception.

The order of the checks is the order in which a reason is named; the first that holds is said.
"""

import re
from collections.abc import Iterable, Mapping

from connector.dialects.asked import added_fields
from connector.dialects.clauses import takes_size
from connector.dialects.querytext import query_text
from connector.dialects.request import SearchRequest
from connector.dialects.split import knn_filter
from connector.dialects.wildcards import matches
from connector.scripts import estimate_tokens, fits_languages
from connector.settings import Model, Policy
from connector.types import Controls, Knn, Plan, Reason

_WHOLE_HITS = re.compile(r"(\*\*?|hits)(\.(\*\*?|hits))?(\.\*\*?)?")
"""Patterns of `filter_path` that keep all of each hit."""


PROCESSORS = ("rerank", "mmr")  # members of `ext` that have OpenSearch order the hits once more
FUSED_ALL_THE_SAME = (Reason.LANGUAGE, Reason.LENGTH)
"""Skips that are the model's own limits: the vector leg, which has another model, still takes part."""


def plan(request: SearchRequest, controls: Controls, policy: Policy, model: Model, longest: int = 0) -> Plan:
    """The plan for `request` under its policy and that policy's model, which was made for queries of up to `longest`
    characters (0: any). Limits of `controls` can only lower.
    """
    window = min(policy.window, controls.window if controls.window is not None else policy.window)
    budget = min(policy.budget_ms, controls.budget_ms if controls.budget_ms is not None else policy.budget_ms)
    text = query_text(request, policy.query_path)
    skip = _skip_reason(request, controls, policy, model, longest, text)
    if skip is None and window < 2:
        skip = Reason.TOO_FEW
    words = "" if isinstance(text, Reason) else text
    knn, clauses = _knn_leg(request, policy, words) if skip is None or skip in FUSED_ALL_THE_SAME else (None, None)
    return Plan(
        policy=policy.name,
        skip=skip,
        text=words,
        first=request.first,
        size=request.size,
        window=window,
        budget_ms=budget,
        fields=tuple(policy.fields),
        added=added_fields(request, policy.fetched),
        details=controls.details,
        explain=request.body.get("explain") is True or request.parameter("explain") in ("", "true"),
        passage=controls.passage or "",
        knn=knn,
        knn_filter=clauses,
    )


def _skip_reason(
    request: SearchRequest, controls: Controls, policy: Policy, model: Model, longest: int, text: str | Reason
) -> Reason | None:
    if controls.enabled is False:
        return Reason.OPT_OUT
    if request.size == 0:
        return Reason.SIZE_ZERO
    if reason := _ordered_otherwise(request, policy):
        return reason
    if hides_text(request):
        return Reason.NO_TEXT
    if isinstance(text, Reason):
        return text
    if (longest and len(text) > longest) or estimate_tokens(text) > model.max_tokens / 2:
        return Reason.LENGTH
    if not fits_languages(text, model.languages):
        return Reason.LANGUAGE
    return None


def _ordered_otherwise(request: SearchRequest, policy: Policy) -> Reason | None:
    """Where the caller asked for an order, or a way through the hits, that is not ours to change."""
    body, ext = request.body, request.body.get("ext")
    if request.parameter("scroll") is not None or body.get("scroll") is not None:
        return Reason.SCROLL
    if body.get("search_after") is not None:
        return Reason.SEARCH_AFTER
    if body.get("pit") is not None and not policy.pit:
        return Reason.PIT
    if not all(_is_by_score(key) for key in request.sort):
        return Reason.SORT
    if _is_limit(body.get("terminate_after")) or _is_limit(request.parameter("terminate_after")):
        return Reason.TERMINATE_AFTER
    if body.get("rescore"):
        return Reason.RESCORE
    pipelines = (body.get("search_pipeline"), request.parameter("search_pipeline"))
    if any(pipeline not in (None, "", "_none") for pipeline in pipelines):
        return Reason.PIPELINE
    if isinstance(ext, Mapping) and any(ext.get(name) is not None for name in PROCESSORS):
        return Reason.PIPELINE
    if isinstance(request.query, Mapping) and "hybrid" in request.query:
        return Reason.PIPELINE  # a default one; without any, marks between its lists are among the hits
    if any(body.get(key) is not None for key in ("retriever", "rank")) or takes_size(body):
        return Reason.RETRIEVER
    return None


def _is_limit(value: object) -> bool:
    return value not in (None, "", 0, "0")


def _is_by_score(key: object) -> bool:
    """Whether a sort key is `_score`, descending, in any of its spellings."""
    if isinstance(key, str):
        return key in ("_score", "_score:desc")
    if isinstance(key, Mapping) and set(key) == {"_score"}:
        order = key["_score"]
        if isinstance(order, Mapping):
            return set(order) <= {"order"} and str(order.get("order", "desc")).lower() == "desc"
        return isinstance(order, str) and order.lower() == "desc"
    return False


def hides_text(request: SearchRequest) -> bool:
    """Whether the answer's form keeps ids or texts from us: it is not JSON, filtered, or stored fields are off."""
    if request.parameter("format") not in (None, "", "json"):
        return True
    accept = (request.header(b"accept") or b"").decode("latin-1").lower()
    if accept and not any(kind in accept for kind in ("json", "*/*", "application/*")):
        return True
    stored = request.parameter("stored_fields") or request.body.get("stored_fields")
    if "_none_" in (stored if isinstance(stored, list) else [stored]):
        return True
    patterns = [pattern.strip() for pattern in (request.parameter("filter_path") or "").split(",") if pattern.strip()]
    if any(pattern.startswith("-") for pattern in patterns):
        return True
    return bool(patterns) and not any(_WHOLE_HITS.fullmatch(pattern) for pattern in patterns)


def _knn_leg(request: SearchRequest, policy: Policy, text: str) -> tuple[Knn | None, tuple[object, ...] | None]:
    if policy.candidates != "fused":
        return None, None
    if not policy.vector_field:
        return Knn.OFF, None
    clauses = knn_filter(request, text)
    return (Knn.UNSPLIT, None) if clauses is None else (Knn.FUSED, clauses)


def match_policy(names: tuple[str, ...] | None, policies: Iterable[Policy]) -> Policy | Reason | None:
    """The policy that all `names` (as written in the request) select, the first listed that takes each; None where no
    name has one; POLICIES_DIFFER where they do not agree. Exclusions ("-old*") only narrow, so they do not count.
    """
    listed = list(policies)
    chosen: list[Policy | None] = []
    for name in names or ("_all",):
        if name.startswith("-") and chosen:
            continue
        chosen.append(next((policy for policy in listed if any(_takes(p, name) for p in policy.indices)), None))
    if all(policy is None for policy in chosen):
        return None
    return chosen[0] if all(policy is chosen[0] for policy in chosen) else Reason.POLICIES_DIFFER


def _takes(pattern: str, name: str) -> bool:
    """Whether a listed name takes a written one. A wildcard in `name` is taken only by one that takes all it can mean.

    Everything (`_all`, `*`), hidden and system names, and date arithmetic must be listed as written; names in another
    cluster by a pattern that says so.
    """
    if pattern == name:
        return True
    if name in ("_all", "*", "**") or name.startswith((".", "<", "_")):
        return False
    if ":" in name and ":" not in pattern:
        return False
    return matches(pattern, name)
