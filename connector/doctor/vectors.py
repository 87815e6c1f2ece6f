"""An index's vectors against the embedder: many have the same width, and among another model's vectors a query's
neighbours are strangers, which no error tells.

Rule: a document embedded again lies near itself. Of a sample, enough must be among their own nearest ten.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from connector.doctor.finding import Finding, ok, warning
from connector.embedding import MODEL
from connector.engines.base import Engine, Json
from connector.engines.http import HttpEngine
from connector.errors import ConfigError, EngineError, RerankError
from connector.services import Services
from connector.settings import Policy, Settings
from connector.texts import document_text

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]

SAMPLE = 32
NEAR = 10
LEAST_DOCUMENTS = 100
"""In a smaller index, ten are a large part of everything."""
ENOUGH = 0.3
"""As `workers.training.vectors` has measured: all of them with the right embedder, one in fifty with a wrong one."""
EMBED_S = 30.0


async def check(engine: Engine, settings: Settings, policies: Sequence[Policy]) -> list[Finding]:
    """`policies` are those whose mappings are well. Nothing is said where the embedder or the engine does not answer:
    other checks do.
    """
    policies = [policy for policy in policies if policy.vector_field]
    if not policies or not isinstance(engine, HttpEngine):
        return []
    unread = settings.redis.model_copy(update={"cache_key": "doctor"})  # nothing is cached, and no secret made
    try:
        services = await Services.open(settings.model_copy(update={"redis": unread}))
    except (ConfigError, OSError):
        return []
    found: dict[tuple[object, ...], Finding | None] = {}
    try:
        for policy in policies if services.live.live("embed", MODEL) else []:
            asked = (*policy.indices, policy.vector_field)
            if asked not in found:
                found[asked] = await check_policy(
                    engine, policy, lambda texts: services.embedder.documents(texts, EMBED_S)
                )
    finally:
        await services.close()
    return [one for one in found.values() if one]


async def check_policy(engine: HttpEngine, policy: Policy, embed: Embed) -> Finding | None:
    """None where there is too little to tell, or no answer."""
    target = quote(",".join(policy.indices), safe=",*-_.")
    try:
        hits = await _sample(engine, policy, target)
        texts = {(hit["_index"], hit["_id"]): document_text(hit.get("fields", {}), policy) for hit in hits}
        read = {key: text for key, text in texts.items() if text}
        lists = await _nearest(engine, policy, target, await embed(list(read.values()))) if read else []
    except (EngineError, RerankError):
        return None
    if not lists:
        return None
    about = f"policy {policy.name}"
    near = sum(key in keys for key, keys in zip(read, lists, strict=True))
    said = f"of {len(read)} documents embedded again, {near} are among the ten nearest to themselves"
    if near >= ENOUGH * len(read):
        return ok(about, f"{policy.vector_field} holds vectors of the embed worker's model: {said}")
    fix = (
        "set [embedder] to the model and prefixes that the documents were embedded with, index them again, or "
        "candidates = lexical"
    )
    return warning(about, f"{policy.vector_field} holds another model's vectors: {said}", fix)


async def _sample(engine: HttpEngine, policy: Policy, target: str) -> list[Json]:
    there = {"exists": {"field": policy.vector_field}}
    body = {
        "size": SAMPLE,
        "track_total_hits": LEAST_DOCUMENTS,
        "query": {"function_score": {"query": there, "random_score": {"seed": 1, "field": "_seq_no"}}},
        "_source": False,
        "fields": policy.fields,
    }
    answer: Any = await engine.request("POST", f"/{target}/_search?ignore_unavailable=true", orjson.dumps(body))
    return list(answer["hits"]["hits"]) if answer["hits"]["total"]["value"] >= LEAST_DOCUMENTS else []


async def _nearest(
    engine: HttpEngine, policy: Policy, target: str, vectors: Sequence[Sequence[float]]
) -> list[set[tuple[str, str]]]:
    """Index and id of each vector's nearest; nothing where one of the searches failed."""
    lines = []
    for vector in vectors:
        clause = engine.dialect.knn_clause(policy.vector_field, list(vector), NEAR)
        lines += [b"{}", orjson.dumps({"size": NEAR, "_source": False} | clause)]
    body = b"\n".join(lines) + b"\n"
    answer: Any = await engine.request("POST", f"/{target}/_msearch?ignore_unavailable=true", body, lines=True)
    if any("error" in one for one in answer["responses"]):
        return []
    return [{(hit["_index"], hit["_id"]) for hit in one["hits"]["hits"]} for one in answer["responses"]]
