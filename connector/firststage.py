"""First-stage lists of our own making, for the terminal, the demo and evaluations: by words, by vectors, and fused.

A caller's search is never made here (see `connector.retrieve`); the bodies and the fusion are the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connector.engines.base import Engine
from connector.fusion import fuse
from connector.settings import Policy
from connector.types import Candidate

LABEL_FIELDS = ("name", "title")  # what a document is called, where it has one of these


async def by_words(
    engine: Engine, index: str, text: str, policy: Policy, filter: Sequence[object] = ()
) -> list[Candidate]:
    """The engine's own list for `text`, `policy.window` deep; `raw` is the hit as JSON."""
    query = engine.dialect.lexical_query(text, policy.fields, filter)
    hits = await _hits(engine, index, {"query": query}, policy)
    return [
        Candidate(hit["_index"], hit["_id"], orjson.dumps(hit), engine_rank=rank, engine_score=hit["_score"])
        for rank, hit in enumerate(hits, start=1)
    ]


async def by_vector(
    engine: Engine, index: str, vector: Sequence[float], policy: Policy, filter: Sequence[object] = ()
) -> list[Candidate]:
    """The nearest neighbours, `policy.window` deep. EngineRefused where `policy.vector_field` holds no vectors."""
    hits = await _hits(
        engine, index, engine.dialect.knn_clause(policy.vector_field, vector, policy.window, filter), policy
    )
    return [
        Candidate(hit["_index"], hit["_id"], orjson.dumps(hit), knn_rank=rank, knn_score=hit["_score"])
        for rank, hit in enumerate(hits, start=1)
    ]


def fused(words: Sequence[Candidate], nearest: Sequence[Candidate], policy: Policy) -> list[Candidate]:
    """Both lists as the policy fuses them, `policy.window` deep."""
    return fuse(words, nearest, policy.fusion, policy.fusion_weights)[: policy.window]


def label(source: Mapping[str, Any] | None, id: str) -> str:
    """The document's name or title, else the first of its texts, else its id."""
    known = source or {}
    texts = [known[name] for name in LABEL_FIELDS if isinstance(known.get(name), str)]
    texts += [value for name, value in known.items() if isinstance(value, str) and name != "id"]
    return texts[0] if texts else id


async def _hits(engine: Engine, index: str, body: Mapping[str, object], policy: Policy) -> list[dict[str, Any]]:
    shown = {"_source": {"excludes": [policy.vector_field]}} if policy.vector_field else {}
    answer = await engine.search(index, {**body, **shown, "size": policy.window})
    hits: list[dict[str, Any]] = answer["hits"]["hits"]
    return hits
