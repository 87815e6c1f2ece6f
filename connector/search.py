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

from connector.arranged import Basis, Memory
from connector.asked import Planned
from connector.dialects.answer import Found
from connector.dialects.request import SearchRequest
from connector.embedding import EmbedClient
from connector.engines.base import Dialect
from connector.errors import EngineError, RerankError
from connector.evidence import Evidence
from connector.fusion import fuse
from connector.keys import Keys
from connector.orders import Orders
from connector.page import Order, arrange, decode, encode
from connector.passage import won
from connector.reader import Reader
from connector.render import render
from connector.rerank import Rerank
from connector.retrieve import Fetch, Legs
from connector.settings import Model
from connector.types import Answer, Candidate, Key, Knn, Outcome, Plan, Reason, Reply, Scores, State

log = logging.getLogger(__name__)

KEPT_WAIT_S = 0.02  # for a kept order, before the engine is asked and after the budget: 0.2 ms where all is well
VECTOR_SHARE = 0.3  # of the budget: how long the lexical answer waits for the vector leg before it goes on alone

Known = dict[Key, Candidate]


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
    memory: Memory = field(default_factory=Memory)
    computing: dict[bytes, asyncio.Task["Ordered"]] = field(default_factory=dict)
    embedding: set[asyncio.Task[Sequence[float]]] = field(default_factory=set)

    def embedded(self, task: asyncio.Task[Sequence[float]]) -> None:
        """A query's vector is here, or will not come; whoever still waits sees why."""
        self.embedding.discard(task)
        if not task.cancelled():
            task.exception()

    async def search(self, request: SearchRequest, planned: Planned, fetch: Fetch | None = None) -> Answer:
        """Answer one search that is more than the engine's alone (`connector.searches`), by way of `fetch` where it
        reaches the engine in another form than it is planned in. Raises EngineError where the engine itself does not
        answer.
        """
        call, plan = request.call, planned.plan
        legs = Legs(
            fetch or self.fetch, self.dialect(), call, request, plan, planned.policy, planned.model, planned.forms
        )
        try:
            key = self.keys.page(planned.search, call.headers)
            return await _Search(self, legs, planned.search, key).answer()
        except EngineError:
            raise
        except Exception:
            log.exception("search failed, answered by the engine alone")
            return Answer(await legs.own(), Outcome(State.FAILED, Reason.ERROR))


@dataclass(frozen=True, slots=True)
class Ordered:
    """A window's final order, and the hits it was made of where it was made now.

    `value` is what Redis keeps of it, where that is known, and `model` the fingerprint of the one whose cached scores
    alone it was made of just now: what it follows from, besides the engine's answer.
    """

    order: Order
    known: Known = field(default_factory=dict)
    value: bytes = b""
    model: str = ""


@dataclass(slots=True)
class _Search:
    """One search on its way. `search` stands for it whoever asks, `key` is that of its kept order."""

    shared: SecondPass
    legs: Legs
    search: bytes
    key: bytes
    near: asyncio.Task[list[Candidate]] | None = None  # the vector leg, until a computation takes it over

    async def answer(self) -> Answer:
        kept, plan, ordered = await self._load(), self.legs.plan, None
        if kept and not self.shared.memory.holds(self._basis(kept, "")):
            ordered = self._read(kept)
            kept = kept if ordered else b""  # no order of ours
        if kept and not (plan.details or plan.passage or plan.explain):
            self.legs = self.legs.without_text()
        if plan.knn is Knn.FUSED and not kept:
            self.near = asyncio.create_task(self._vector_hits())
        try:
            if plan.first >= plan.window:
                return await self._answer_behind(ordered or self._read(kept))
            reply = await self.legs.window(0, max(plan.window, plan.first + plan.size))
            if answer := await self._again(reply, kept):
                return answer
            reply, found = await self.legs.read(reply, 0)
            if found is None:
                return _as_it_is(reply)
            ordered = ordered or self._read(kept) or await self._order(found)
            return await self._answer(reply, found, ordered, found.candidates)
        finally:
            if self.near:
                self.near.cancel()

    async def _again(self, reply: Reply, kept: bytes) -> Answer | None:
        """The answer as it was arranged before, where the engine's is the same."""
        plan = self.legs.plan
        if reply.status != 200 or plan.details or plan.passage:
            return None
        began = time.monotonic()
        known = self.shared.memory.find(self._basis(kept, self._model()), reply.body)
        if known is None:
            return None
        stable = kept or await self._keep(known.order, plan.budget_ms / 1000)
        if stable and stable not in (kept, known.order):  # another proxy has kept another order in the meantime
            return None
        ms = (time.monotonic() - began) * 1000
        outcome = replace(known.outcome, cached=known.outcome.scored, ms=ms, pages_unstable=not stable)
        return Answer(Reply(reply.status, reply.reason, reply.headers, known.cuts.of(reply.body, ms)), outcome)

    def _basis(self, order: bytes, model: str) -> Basis | None:
        """What decides the page besides the engine's answer: the search, and its kept order or else the model."""
        return (self.search, self.legs.plan.first, self.legs.plan.size, order or model) if order or model else None

    def _model(self) -> str:
        """The fingerprint of the model that scores now; "" where none does, or where the vector leg takes part too."""
        worker = next(iter(self.shared.rerank.live.live("score", self.legs.model.name)), None)
        return worker.fingerprint if worker and self.legs.plan.knn is not Knn.FUSED else ""

    async def _answer_behind(self, ordered: Ordered | None) -> Answer:
        """A page behind the window: the lexical order, shifted by as many documents as the window took out of it."""
        plan = self.legs.plan
        if ordered is None:
            reply, found = await self.legs.lexical(0, plan.window)
            if found is None:
                return _as_it_is(reply)
            ordered = await self._order(found)
        self.legs, places = self.legs.without_text(), ordered.order.places
        # where the lexical order has what the vector leg found is not known: it is read from its beginning
        start = 0 if any(place.engine_rank is None for place in places) else plan.first - len(places)
        reply, found = await self.legs.lexical(start, plan.first + plan.size - start)
        if found is None:
            return _as_it_is(reply)
        before = sum(1 for place in places if place.engine_rank is not None and place.engine_rank <= start)
        padding: list[Candidate | None] = [None] * (start - before)  # the documents of earlier pages, not fetched
        return await self._answer(reply, found, Ordered(ordered.order), [*padding, *found.candidates])

    async def _order(self, found: Found) -> Ordered:
        """The window's final order: the one under way, else computed now and kept, whoever stays to see it."""
        deadline = time.monotonic() + self.legs.plan.budget_ms / 1000
        task = self.shared.computing.get(self.key)
        if task is None:
            near, self.near = self.near, None
            task = asyncio.create_task(self._compute(found, near, deadline))
            self.shared.computing[self.key] = task
            task.add_done_callback(lambda _: self.shared.computing.pop(self.key, None))
        return await asyncio.shield(task)

    async def _compute(self, found: Found, vector: asyncio.Task[list[Candidate]] | None, deadline: float) -> Ordered:
        plan, policy = self.legs.plan, self.legs.policy
        began = time.monotonic()
        knn, near = await _in_time(vector, plan, deadline)
        lexical = list(found.candidates[: plan.window])
        candidates = fuse(lexical, near, policy.fusion, policy.fusion_weights)[: plan.window]
        known = {c.key: c for c in candidates}
        if skip := plan.skip or (Reason.TOO_FEW if len(candidates) <= 1 else None):
            outcome = Outcome(State.SKIPPED, skip, window=len(candidates), knn=knn)
            order = arrange(candidates, Scores(State.SKIPPED), policy.blend, outcome)
            if skip is Reason.TOO_FEW:  # no order to keep, and there may be more documents in a moment
                return Ordered(order, known)
            return await self._kept(order, found, deadline, known)
        reader, worker = Reader.of(policy, self.legs.model, self.shared.keys), self._model()
        scores = await self.shared.rerank.rerank_unread(
            plan.text,
            reader.marks(c.fields for c in candidates),
            lambda place: reader.text(candidates[place].fields),
            policy,
            self.legs.model,
            rule=reader.rule,
            budget_s=deadline - time.monotonic(),
        )
        outcome = _outcome(scores, candidates, self.legs.model, knn, (time.monotonic() - began) * 1000)
        whole = outcome.cached == outcome.scored == outcome.window and worker == self._model()
        evidence = Evidence.of(plan.text, candidates, policy, reader)
        order = arrange(candidates, scores, policy.blend, outcome, evidence)
        return await self._kept(order, found, deadline, known, worker if whole else "")

    async def _kept(self, order: Order, found: Found, deadline: float, known: Known, model: str = "") -> Ordered:
        """The order that pages will be cut from: ours, or that of another proxy which was first. One of an answer that
        the engine cut short is kept for nobody: the next may be whole.
        """
        unstable = Order(order.places, order.top_score, replace(order.outcome, pages_unstable=True))
        if found.timed_out or found.failed_shards:
            return Ordered(unstable, known)
        value = self.shared.keys.seal(self.search, encode(order))
        kept = await self._keep(value, deadline - time.monotonic())
        if kept == value:
            return Ordered(order, known, value, model)
        if kept and (first := self._decoded(kept)):
            return Ordered(first, known)
        return Ordered(unstable, known, value if model else b"", model)

    def _decoded(self, kept: bytes) -> Order | None:
        """An order that was kept for this search, whoever asked; None for anything else."""
        value = self.shared.keys.unseal(self.search, kept)
        return decode(value) if value is not None else None

    def _read(self, kept: bytes) -> Ordered | None:
        """The order that is kept for a search. Nothing is scored for its pages: every score they show was there."""
        order = self._decoded(kept) if kept else None
        if order is None:
            return None
        outcome = replace(order.outcome, cached=order.outcome.scored, ms=0.0)
        return Ordered(Order(order.places, order.top_score, outcome), value=kept)

    async def _load(self) -> bytes:
        """What is kept for this search; b"" for nothing."""
        found = await self.shared.orders.load(self.key, KEPT_WAIT_S) if self.shared.page_ttl_s else None
        return found or b""

    async def _keep(self, value: bytes, left_s: float) -> bytes | None:
        """What is kept for this search now: `value` or what was there before; None where that is not known in time, a
        little more than what is left of the budget.
        """
        ttl_s = self.shared.page_ttl_s
        return await self.shared.orders.keep(self.key, value, ttl_s, max(left_s, KEPT_WAIT_S)) if ttl_s else None

    async def _vector_hits(self) -> list[Candidate]:
        """The vector leg. Raises RerankError where the query cannot be embedded in time."""
        plan = self.legs.plan
        embedding = asyncio.create_task(self.shared.embedder.query_vector(plan.text, plan.budget_ms / 1000))
        self.shared.embedding.add(embedding)
        embedding.add_done_callback(self.shared.embedded)
        vector = await asyncio.shield(embedding)  # who comes too late for this search is cached for the next
        return await self.legs.vector(vector, plan.window)

    async def _answer(
        self, reply: Reply, found: Found, ordered: Ordered, lexical: Sequence[Candidate | None]
    ) -> Answer:
        """Cut the caller's page out of the window's order and the lexical order behind it."""
        plan, order = self.legs.plan, ordered.order
        keys = [place.key for place in order.places]
        mine = slice(plan.first, plan.first + plan.size)
        places = order.places[mine]
        known = ordered.known | {c.key: c for c in found.candidates}
        lost = [place for key, place in zip(keys[mine], places, strict=True) if key not in known]
        try:
            for was_lexical in (True, False):
                wanted = [place.key for place in lost if (place.engine_rank is not None) is was_lexical]
                known |= await self.legs.by_id(wanted, lexical=was_lexical)
        except EngineError as error:  # the lexical answer is here all the same
            log.warning("hits of a kept order cannot be fetched", extra={"error": str(error)})
            outcome = Outcome(State.FAILED, Reason.ERROR, window=order.outcome.window, pages_unstable=True)
            order = arrange(found.candidates[: plan.window], Scores(State.FAILED), self.legs.policy.blend, outcome)
            keys, places = [place.key for place in order.places], order.places[mine]
        rest: list[Candidate] = []
        if len(places) < plan.size:
            window, start = set(keys), max(0, plan.first - len(keys))
            behind = [c for c in lexical if c is None or c.key not in window]
            rest = [c for c in behind[start : start + plan.size - len(places)] if c]
        reader = Reader.of(self.legs.policy, self.legs.model, self.shared.keys)
        passages = won(places, known, reader) if plan.details or plan.passage or plan.explain else {}
        live = self.shared.rerank.live
        calibration = live.calibration(self.legs.model.name) if plan.details or plan.explain else None
        body, cuts = render(reply.body, found, self.legs, order, places, known, rest, passages, calibration)
        if cuts and ordered.value and not lost and order.outcome.state is State.APPLIED:
            basis = self._basis(b"" if ordered.model else ordered.value, ordered.model)
            self.shared.memory.keep(basis, reply.body, ordered.value, order.outcome, cuts)
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
        vector.cancel()
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
        window=scores.depth if scores.state is State.APPLIED else len(candidates),
        ms=ms,
        model=model.name,
        activation=model.activation,
        knn=knn,
    )
