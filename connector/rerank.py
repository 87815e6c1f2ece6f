"""The rerank step: cached scores first, what is missing in one task, and whatever came when the time is over.

It never raises and never waits beyond its budget. The cache is written after the answer, not on its way.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from connector.cache import ScoreCache
from connector.contract import Announcement
from connector.dispatch import Dispatcher
from connector.errors import RerankError
from connector.keys import Keys
from connector.live import Live
from connector.settings import Model, Policy
from connector.types import Reason, Scores, State

log = logging.getLogger(__name__)

NAN = float("nan")
CACHE_SHARE = 0.25  # of the budget: what a hanging cache server may cost
PATIENT_SHARE = 0.5  # of the policy's budget: a caller's own smaller one says nothing about the queue


class Rerank:
    """Scores texts against a query within a budget."""

    def __init__(self, live: Live, cache: ScoreCache, dispatcher: Dispatcher, keys: Keys) -> None:
        self.live = live
        self.cache = cache
        self.dispatcher = dispatcher
        self.keys = keys
        self._writing: set[asyncio.Task[None]] = set()

    async def rerank(
        self, query: str, texts: Sequence[str], policy: Policy, model: Model, *, budget_s: float
    ) -> Scores:
        """Logits of `texts` (first-stage order), parallel to them, by `budget_s` seconds from now.

        APPLIED: every text has its logit, or NaN where the model could not read it or it was empty. PARTIAL: a prefix
        has. FAILED, with the reason: no prefix has, or there was nothing to read.
        """
        began = time.monotonic()
        try:
            scores = await self._score(query, texts, policy, model, began, budget_s)
        except RerankError as error:
            scores = Scores(State.FAILED, (None,) * len(texts), error.reason)
        except Exception:
            log.exception("rerank failed")
            scores = Scores(State.FAILED, (None,) * len(texts), Reason.ERROR)
        return Scores(
            scores.state, scores.logits, scores.reason, scores.cached, (time.monotonic() - began) * 1000, model.name
        )

    async def close(self) -> None:
        """Wait for the cache to be written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _score(
        self, query: str, texts: Sequence[str], policy: Policy, model: Model, began: float, budget_s: float
    ) -> Scores:
        workers = self.live.live("score", model.name)
        if not workers:
            raise RerankError(Reason.NO_WORKER)
        worker = workers[0]
        query, texts = _clean(query), [_clean(text) for text in texts]
        fields = self.keys.texts(text.encode() for text in texts)
        readable = {field: text for field, text in zip(fields, texts, strict=True) if text and not text.isspace()}
        if not readable:
            raise RerankError(Reason.NO_TEXT)
        key = self.keys.scores(worker.fingerprint, policy.template, policy.passages, query.encode())
        known = await self.cache.read(key, list(readable), budget_s * CACHE_SHARE)
        cached = sum(1 for field in fields if field in known)
        reason = None
        if len(known) < len(readable):
            missing = {field: text for field, text in readable.items() if field not in known}
            chunks = _chunks(fields, missing, min(policy.chunk, self.dispatcher.most_pairs))
            patient = budget_s >= PATIENT_SHARE * policy.budget_ms / 1000
            fresh, reason = await self._ask(worker, query, chunks, missing, began + budget_s, patient)
            if fresh:
                self._write(key, fresh)
            known |= fresh
        logits = tuple(known.get(field) if field in readable else NAN for field in fields)
        return _judged(logits, reason, cached)

    async def _ask(
        self,
        worker: Announcement,
        query: str,
        chunks: dict[int, list[bytes]],
        texts: dict[bytes, str],
        deadline: float,
        patient: bool,
    ) -> tuple[dict[bytes, float], Reason | None]:
        """The logits of the missing texts that came in time, and why not all did."""
        wanted = [(number, [texts[field] for field in mine]) for number, mine in chunks.items()]
        try:
            work = await self.dispatcher.score(worker, query, wanted, deadline, patient=patient)
        except RerankError as error:
            return {}, error.reason
        fresh: dict[bytes, float] = {}
        for number, logits in work.logits.items():
            fresh.update(zip(chunks[number], logits, strict=True))
        return fresh, work.finished.result()

    def _write(self, key: bytes, logits: dict[bytes, float]) -> None:
        writing = asyncio.create_task(self.cache.write(key, logits))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)


def _clean(text: str) -> str:
    """The text as UTF-8 can carry it: half surrogates, which JSON allows, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _chunks(fields: Sequence[bytes], missing: dict[bytes, str], size: int) -> dict[int, list[bytes]]:
    """The missing texts by chunk number: each `size` consecutive first-stage ranks are a chunk, a repeated text belongs
    to its first one.
    """
    chunks: dict[int, list[bytes]] = {}
    seen = set()
    for rank, field in enumerate(fields):
        if field in missing and field not in seen:
            seen.add(field)
            chunks.setdefault(rank // size, []).append(field)
    return chunks


def _judged(logits: tuple[float | None, ...], reason: Reason | None, cached: int) -> Scores:
    if None not in logits:
        if all(logit != logit for logit in logits):
            return Scores(State.FAILED, logits, Reason.MODEL, cached)
        return Scores(State.APPLIED, logits, None, cached)
    prefix = logits[: logits.index(None)]
    state = State.PARTIAL if any(logit == logit for logit in prefix) else State.FAILED
    return Scores(state, logits, reason or Reason.TIMEOUT, cached)
