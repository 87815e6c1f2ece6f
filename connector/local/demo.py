"""The demo shop: its documents into the engine, its graded queries through every order.

One index and one multilingual embedder for both languages, which is what finds most (measured, see `EMBEDDED`). BM25
and kNN are the engine's own lists, fused is what the policy makes of them, reranked is what the proxy answers.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from connector.client import AsyncClient, Reranking
from connector.embedding import MODEL
from connector.engines.open import open_engine
from connector.errors import SecondpassError
from connector.firststage import by_vector, by_words, fused
from connector.indexing import Waiting, load
from connector.journal import Journal, Tally
from connector.records import count_lines, read
from connector.services import Services
from connector.settings import Settings
from connector.vectors import Vectors
from mappings.loader import install, switch

SHOP = Path(__file__).parent / "shop"
SETTINGS = SHOP / "secondpass.toml"
PRODUCTS = SHOP / "products.jsonl"
ALIAS = "products"
LANGUAGES = {"en": "English", "zh": "Chinese"}
SYSTEMS = ("BM25", "kNN", "fused", "reranked")
# Recall@10, English and Chinese, 2026-11-22, OpenSearch 3.6.0. BM25: one `mixed` index 0.58 and 0.87, an index a
# language 0.58 and 0.79 (pairs of characters alone miss words of one). kNN over these fields: multilingual-e5-small
# 0.69 and 0.92, all-MiniLM-L6-v2 0.69 and 0.35.
EMBEDDED = ("name", "brand", "colour", "category", "description", "features")
PATIENT = "patient"  # the policy without a deadline: figures are of the model, not of the machine
EMBED_S = 300.0
VECTOR_S = 60.0
AT_ONCE = 4  # queries under way: the workers have their next batch while an answer is read


@dataclass(frozen=True, slots=True)
class Query:
    """One graded query; `grades` holds product id -> 0 to 3."""

    id: str
    text: str
    language: str
    grades: dict[str, int] = field(default_factory=dict)

    @property
    def filter(self) -> list[dict[str, object]]:
        """Products of the query's language, as a shop's front page asks for them."""
        return [{"term": {"language": self.language}}]


@dataclass(frozen=True, slots=True)
class Found:
    """The lists of one query, by system, each at most a window long, and what the proxy says of its own."""

    query: Query
    lists: dict[str, list[str]]
    rerank: Reranking


def read_queries() -> list[Query]:
    """The shop's queries with their grades."""
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (SHOP / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, product, grade = line.split("\t")
        grades[query][product] = int(grade)
    rows = map(orjson.loads, (SHOP / "queries.jsonl").read_bytes().splitlines())
    return [Query(row["id"], row["text"], row["language"], grades[row["id"]]) for row in rows]


async def fill(settings: Settings, folder: Path, watch: Callable[[int], None]) -> bool:
    """Index the shop, unless the engine's data (kept beside `folder`) already hold exactly it; whether there was work.

    `watch` hears how many documents are settled. Raises RerankError, EngineError and its kinds.
    """
    engine = await open_engine(settings.engine)
    services = await Services.open(settings)
    try:
        dims = services.embedder.dims
        place = await install(engine, "shop", ALIAS, dims=dims, language="mixed")
        stamp, mark = _stamp(services.live.live("embed", MODEL)[0].fingerprint), folder / "shop.sha256"
        known = mark.exists() and mark.read_text() == f"{place.index} {stamp}"
        if known and place.live and await engine.count(place.index) == count_lines(PRODUCTS):
            return False
        mark.unlink(missing_ok=True)

        def count(event: Tally | Waiting) -> None:
            if isinstance(event, Tally):
                watch(event.records)

        journal = Journal(folder / "journal", PRODUCTS, place.index)
        journal.start(resume=False)
        vectors = Vectors(lambda texts: services.embedder.documents(texts, EMBED_S), EMBEDDED)
        tally = await load(engine, read(PRODUCTS), place.index, journal, vectors=vectors, watch=count)
        if tally.rejected:
            raise SecondpassError(f"{tally.rejected} products of the demo were refused, see {journal.rejects}")
        if not place.live:
            await switch(engine, ALIAS, place.index)
        mark.write_text(f"{place.index} {stamp}")
        return True
    finally:
        await services.close()
        await engine.close()


async def ask(settings: Settings, proxy: str, queries: Sequence[Query], watch: Callable[[], None]) -> list[Found]:
    """Every query through every order; `watch` hears of each that is done. Raises as `fill`, and SearchError."""
    policy = next(policy for policy in settings.policy if policy.name == PATIENT)
    engine = await open_engine(settings.engine)
    services = await Services.open(settings)
    free = asyncio.Semaphore(AT_ONCE)

    async def one(query: Query, client: AsyncClient) -> Found:
        async with free:
            words = await by_words(engine, ALIAS, query.text, policy, query.filter)
            vector = await services.embedder.query_vector(query.text, VECTOR_S)
            nearest = await by_vector(engine, ALIAS, vector, policy, query.filter)
            answer = await client.search(ALIAS, query.text, policy.window, filter=query.filter, policy=PATIENT)
        watch()
        lists = {
            "BM25": [candidate.id for candidate in words],
            "kNN": [candidate.id for candidate in nearest],
            "fused": [candidate.id for candidate in fused(words, nearest, policy)],
            "reranked": [hit.id for hit in answer.hits],
        }
        return Found(query, lists, answer.rerank)

    try:
        async with AsyncClient(proxy, timeout_s=policy.budget_ms / 1000) as client:
            return list(await asyncio.gather(*(one(query, client) for query in queries)))
    finally:
        await services.close()
        await engine.close()


def _stamp(embedder: str) -> str:
    return hashlib.sha256(PRODUCTS.read_bytes() + embedder.encode() + repr(EMBEDDED).encode()).hexdigest()
