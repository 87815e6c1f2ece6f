"""`secondpass search`: one query, the orders side by side."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from connector.addresses import check_addresses
from connector.cli.tables import Entry, lists_table
from connector.cli.where import BrokerUrl, Config, EngineUrl, Port, RedisUrl, settings_at
from connector.client import AsyncClient, Reranking
from connector.credentials import authorization
from connector.engines.open import open_engine
from connector.errors import EngineRefused, RerankError
from connector.firststage import by_vector, by_words, fused, label
from connector.plan import match_policy
from connector.services import Services
from connector.settings import Policy, Settings
from connector.types import Candidate, Reason

VECTOR_S = 5.0  # patience of a person who looks at one query; a proxy gives the embedder less


def search(
    query: Annotated[str, typer.Argument(help="What to search for, in plain words.")],
    index: Annotated[str, typer.Option("--index", help="Where to search: an index or alias.")],
    size: Annotated[int, typer.Option(min=1, max=100, help="Places that are shown.")] = 10,
    url: Annotated[str, typer.Option(help="The proxy; default: the address in the settings.")] = "",
    config: Config = None,
    port: Port = None,
    engine_url: EngineUrl = "",
    redis_url: RedisUrl = "",
    broker_url: BrokerUrl = "",
) -> None:
    """Show the engine's order, the fused and the reranked one of a query, side by side.

    The engine is asked directly (service_auth of the settings), the reranked list comes from the proxy.

    Examples:

      secondpass search "rain jacket" --index products --port 9280

      secondpass search "rain jacket" --index products --url http://proxy:9280 \\
        --engine-url http://engine:9200
    """
    settings = settings_at(config, port, engine_url, redis_url, broker_url)
    check_addresses(settings)
    found = match_policy((index,), settings.policy)
    policy = found if isinstance(found, Policy) else Policy(name="none", indices=[index], fields=["*"])
    at = url or f"http://{settings.proxy.host}:{settings.proxy.port if port is None else port}"
    lists = asyncio.run(find_orders(query, index, size, policy, settings, at))
    columns = {"engine": lists.engine, "fused": lists.fused, "reranked": lists.reranked}
    notes = [*lists.notes, describe(lists.rerank)]
    Console().print(
        lists_table(query, {name: entries for name, entries in columns.items() if entries is not None}, notes)
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """The same query three times; `fused` is None where there are no vectors to fuse with, `notes` say why."""

    engine: list[Entry]
    fused: list[Entry] | None
    reranked: list[Entry]
    rerank: Reranking
    notes: list[str]


async def find_orders(
    query: str,
    index: str,
    size: int,
    policy: Policy,
    settings: Settings,
    proxy_url: str,
    filter: Sequence[Mapping[str, Any]] = (),
) -> Orders:
    """Ask engine, embedder and proxy. Raises EngineError and its kinds, SearchError."""
    engine = await open_engine(settings.engine)
    try:
        words = await by_words(engine, index, query, policy, filter)
        mixed, notes = None, []
        if policy.vector_field:
            try:
                vector = await _query_vector(query, settings)
                mixed = fused(words, await by_vector(engine, index, vector, policy, filter), policy)
            except RerankError as error:
                notes.append(f"no fused list: {WHY.get(error.reason, error.reason)}")
            except EngineRefused as refused:
                notes.append(f"no fused list: {refused}")
    finally:
        await engine.close()
    async with AsyncClient(proxy_url, auth=authorization(settings.engine.service_auth) or None) as client:
        answer = await client.search(index, query, size, filter=filter)
    places = {(candidate.index, candidate.id): candidate.engine_rank for candidate in words}
    return Orders(
        engine=[_entry(candidate) for candidate in words[:size]],
        fused=None if mixed is None else [_entry(candidate) for candidate in mixed[:size]],
        reranked=[Entry(label(hit.source, hit.id), places.get((hit.index, hit.id))) for hit in answer.hits],
        rerank=answer.rerank,
        notes=notes,
    )


WHY = {
    Reason.NO_WORKER: "no embed worker is alive (`secondpass worker --role embed`)",
    Reason.REDIS: "the cache server cannot be reached",
}


def describe(rerank: Reranking) -> str:
    """One line on what was done."""
    if rerank.state == "skipped":
        return f"skipped: {rerank.reason}" + (
            " (no policy of the proxy covers this index)" if rerank.reason == Reason.OPT_OUT else ""
        )
    why = f" ({rerank.reason})" if rerank.reason else ""
    vectors = f", vectors {rerank.knn}" if rerank.knn else ""
    return (
        f"{rerank.state}{why}: {rerank.scored} of {rerank.window} scored, {rerank.cached} from the cache, "
        f"{rerank.ms:.0f} ms, model {rerank.model}{vectors}"
    )


def _entry(candidate: Candidate) -> Entry:
    return Entry(label(orjson.loads(candidate.raw).get("_source"), candidate.id), candidate.engine_rank)


async def _query_vector(query: str, settings: Settings) -> Sequence[float]:
    services = await Services.open(settings)
    try:
        return await services.embedder.query_vector(query, VECTOR_S)
    finally:
        await services.close()
