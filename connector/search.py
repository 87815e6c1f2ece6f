"""One search under a policy: plan, retrieve, fuse, rerank, page.

Whatever fails on our side, the caller gets first-stage order within the engine's own time plus the budget, and the
outcome says what happened. Pages of a search are cut from one kept `Order`; concurrent first pages share one
computation.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from connector.dialects.answer import Found
from connector.dialects.request import SearchRequest
from connector.embedding import EmbedClient
from connector.engines.base import Dialect
from connector.errors import EngineError, RerankError
from connector.fusion import fuse
from connector.keys import Keys
from connector.orders import Orders
from connector.page import Order, arrange, decode, encode
from connector.passage import won
from connector.render import render
from connector.rerank import Rerank
from connector.retrieve import Fetch, Legs
from connector.settings import Model, Policy
from connector.types import Answer, Call, Candidate, Knn, Outcome, Plan, Reason, Reply, Scores, State

log = logging.getLogger(__name__)

VECTOR_SHARE = 0.3  # of the budget: how long the lexical answer waits for the vector leg before it goes on alone

Known = dict[tuple[str, str], Candidate]


@dataclass(slots=True)
class SecondPass:
    """What all searches of a process share: the engine, the rerank step, the kept orders."""

    fetch: Fetch
    dialect: Callable[[], Dialect]
    rerank: Rerank
    embedder: EmbedClient
    orders: Orders
    keys: Keys
    page_ttl_s: int
    computing: dict[bytes, asyncio.Task[tuple[Order, Known]]] = field(default_factory=dict)

    async def search(
        self, call: Call, request: SearchRequest, plan: Plan, policy: Policy, model: Model, fetch: Fetch | None = None
    ) -> Answer:
        """Answer one search, by way of `fetch` where it reaches the engine in another form than it is planned in.
        Raises EngineError where the engine itself does not answer.
        """
        legs = Legs(fetch or self.fetch, self.dialect(), call, request, plan, policy, model)
        if plan.skip and plan.knn is not Knn.FUSED:
            return Answer(await legs.own(), Outcome(State.SKIPPED, plan.skip))
        try:
            return await _Search(self, legs, self.keys.page(call, request, plan, policy)).answer()
        except EngineError:
            raise
        except Exception:
            log.exception("search failed, answered by the engine alone")
            return Answer(await legs.own(), Outcome(State.FAILED, Reason.ERROR))


@dataclass(slots=True)
class _Search:
    """One search on its way."""

    shared: SecondPass
    legs: Legs
    key: bytes

    async def answer(self) -> Answer:
        plan = self.legs.plan
        kept = asyncio.create_task(self._kept())
        vector = asyncio.create_task(self._vector_hits(kept)) if plan.knn is Knn.FUSED else None
        try:
            if plan.first < plan.window:
                reply, found = await self.legs.lexical(0, max(plan.window, plan.first + plan.size))
                if found is None:
                    return _as_it_is(reply)
                order, known = await self._order(kept, found, vector)
                return await self._answer(reply, found, order, known, found.candidates)
            return await self._answer_behind(kept, vector)
        finally:
            kept.cancel()
            if vector:
                vector.cancel()

    async def _answer_behind(
        self, kept: asyncio.Task[Order | None], vector: asyncio.Task[list[Candidate]] | None
    ) -> Answer:
        """A page behind the window: the lexical order, shifted by as many documents as the window took out of it."""
        plan = self.legs.plan
        order = await kept
        if order is None:
            reply, found = await self.legs.lexical(0, plan.window)
            if found is None:
                return _as_it_is(reply)
            order, _ = await self._order(kept, found, vector)
        start = plan.first - len(order.places)
        reply, found = await self.legs.lexical(start, plan.size + len(order.places))
        if found is None:
            return _as_it_is(reply)
        before = sum(1 for place in order.places if place.engine_rank is not None and place.engine_rank <= start)
        padding: list[Candidate | None] = [None] * (start - before)  # the documents of earlier pages, not fetched
        return await self._answer(reply, found, order, {}, [*padding, *found.candidates])

    async def _kept(self) -> Order | None:
        """The order that is kept for this search. Nothing is scored for its pages: every score they show was there."""
        began = time.monotonic()
        value = await self.shared.orders.load(self.key)
        order = decode(value) if value else None
        if order is None:
            return None
        outcome = replace(order.outcome, cached=order.outcome.scored, ms=(time.monotonic() - began) * 1000)
        return Order(order.places, order.top_score, outcome)

    async def _order(
        self, kept: asyncio.Task[Order | None], found: Found, vector: asyncio.Task[list[Candidate]] | None
    ) -> tuple[Order, Known]:
        """The window's final order: the kept one, else the one under way, else computed now and kept."""
        deadline = time.monotonic() + self.legs.plan.budget_ms / 1000
        if order := await kept:
            return order, {}
        task = self.shared.computing.get(self.key)
        if task is None:
            task = asyncio.create_task(self._compute(found, vector, deadline))
            self.shared.computing[self.key] = task
            task.add_done_callback(lambda _: self.shared.computing.pop(self.key, None))
        return await asyncio.shield(task)

    async def _compute(
        self, found: Found, vector: asyncio.Task[list[Candidate]] | None, deadline: float
    ) -> tuple[Order, Known]:
        plan, policy = self.legs.plan, self.legs.policy
        began = time.monotonic()
        knn, near = await _in_time(vector, plan, deadline)
        lexical = list(found.candidates[: plan.window])
        candidates = fuse(lexical, near, policy.fusion, policy.fusion_weights)[: plan.window]
        if skip := plan.skip or (Reason.TOO_FEW if len(candidates) <= 1 else None):
            outcome = Outcome(State.SKIPPED, skip, window=len(candidates), knn=knn)
            order = await self._keep(arrange(candidates, Scores(State.SKIPPED), policy.blend, outcome))
            return order, {c.key: c for c in candidates}
        scores = await self.shared.rerank.rerank(
            plan.text, [c.text for c in candidates], policy, self.legs.model, budget_s=deadline - time.monotonic()
        )
        outcome = _outcome(scores, candidates, self.legs.model, knn, (time.monotonic() - began) * 1000)
        order = await self._keep(arrange(candidates, scores, policy.blend, outcome))
        return order, {c.key: c for c in candidates}

    async def _keep(self, order: Order) -> Order:
        """The order that pages will be cut from: ours, or that of another proxy which was first."""
        kept = None
        if self.shared.page_ttl_s:
            kept = await self.shared.orders.keep(self.key, encode(order), self.shared.page_ttl_s)
        first = decode(kept) if kept else None
        return first or Order(order.places, order.top_score, replace(order.outcome, pages_unstable=True))

    async def _vector_hits(self, kept: asyncio.Task[Order | None]) -> list[Candidate]:
        """The vector leg, which a kept order has no need of. Raises RerankError where the query cannot be embedded in
        time.
        """
        plan = self.legs.plan
        if await kept:
            return []
        vector = await self.shared.embedder.query_vector(plan.text, plan.budget_ms / 1000)
        return await self.legs.vector(vector, plan.window)

    async def _answer(
        self, reply: Reply, found: Found, order: Order, known: Known, lexical: Sequence[Candidate | None]
    ) -> Answer:
        """Cut the caller's page out of the window's order and the lexical order behind it."""
        plan = self.legs.plan
        places = order.places[plan.first : plan.first + plan.size]
        known = known | {c.key: c for c in found.candidates}
        for was_lexical in (True, False):
            lost = [p.key for p in places if p.key not in known and (p.engine_rank is not None) is was_lexical]
            known |= await self.legs.by_id(lost, lexical=was_lexical)
        window = {place.key for place in order.places}
        behind = [c for c in lexical if c is None or c.key not in window]
        start = max(0, plan.first - len(order.places))
        rest = behind[start : start + plan.size - len(places)]
        passages = won(places, known, self.shared.keys) if plan.details or plan.passage or plan.explain else {}
        live = self.shared.rerank.live
        calibration = live.calibration(self.legs.model.name) if plan.details or plan.explain else None
        body = render(reply.body, found, self.legs, order, places, known, [c for c in rest if c], passages, calibration)
        return Answer(replace(reply, body=body), order.outcome)


def _as_it_is(reply: Reply) -> Answer:
    return Answer(reply, Outcome(State.SKIPPED, Reason.ERROR))


async def _in_time(
    vector: asyncio.Task[list[Candidate]] | None, plan: Plan, deadline: float
) -> tuple[Knn | None, list[Candidate]]:
    """The vector leg's hits where they come within their share of the budget, and what became of the leg."""
    if vector is None:
        return plan.knn, []
    remaining = deadline - time.monotonic()
    await asyncio.wait({vector}, timeout=max(0.0, remaining - plan.budget_ms / 1000 * (1 - VECTOR_SHARE)))
    if not vector.done() or vector.cancelled():
        return Knn.LATE, []
    error = vector.exception()
    if error is None:
        return Knn.FUSED, vector.result()
    if isinstance(error, RerankError):
        return (Knn.LATE if error.reason is Reason.TIMEOUT else Knn.OFF), []
    log.warning("vector leg failed", extra={"error": str(error)})
    return Knn.OFF, []


def _outcome(scores: Scores, candidates: Sequence[Candidate], model: Model, knn: Knn | None, ms: float) -> Outcome:
    return Outcome(
        scores.state,
        scores.reason,
        scored=sum(1 for logit in scores.logits if logit is not None and logit == logit),
        cached=scores.cached,
        window=len(candidates),
        ms=ms,
        model=model.name,
        activation=model.activation,
        knn=knn,
    )
