"""The rerank step: cached scores first, what is missing in one task, and whatever came when the time is over.

It never raises and never waits beyond its budget. The cache is written after the answer, not on its way.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from connector.cache import Score, ScoreCache
from connector.contract import Announcement
from connector.depth import settled
from connector.dispatch import Dispatcher
from connector.errors import RerankError
from connector.keys import Keys
from connector.live import Live
from connector.reading import Reading, best_passages, cached_rule
from connector.settings import Model, Policy
from connector.types import Passage, Reason, Scores, State

log = logging.getLogger(__name__)

UNREADABLE = Score(float("nan"))
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
        """`rerank_unread` for texts that are there already."""
        texts = [_clean(text) for text in texts]
        marks = self.keys.texts(text.encode() for text in texts)
        return await self.rerank_unread(query, marks, texts.__getitem__, policy, model, budget_s=budget_s)

    async def rerank_unread(
        self,
        query: str,
        marks: Sequence[bytes],
        read: Callable[[int], str],
        policy: Policy,
        model: Model,
        *,
        rule: str = "",
        budget_s: float,
    ) -> Scores:
        """Logits of documents (first-stage order), parallel to `marks`, by `budget_s` seconds from now.

        A mark stands for a document's text in the cache, b"" for one that has none; equal marks are equal texts under
        one `rule`. `read` gives the text at a place, and is asked only where the cache does not know the mark.

        APPLIED: every text has its logit, or NaN where the model could not read it or it was empty; under a
        `stop_margin`, every text of the prefix that it asks for. PARTIAL: a prefix has. FAILED, with the reason: no
        prefix has, or there was nothing to read.
        """
        began = time.monotonic()
        try:
            scores = await self._score(_clean(query), marks, read, policy, model, rule, began, budget_s)
        except RerankError as error:
            scores = Scores(State.FAILED, (None,) * len(marks), error.reason)
        except Exception:
            log.exception("rerank failed")
            scores = Scores(State.FAILED, (None,) * len(marks), Reason.ERROR)
        return replace(scores, ms=(time.monotonic() - began) * 1000, model=model.name)

    async def close(self) -> None:
        """Wait for the cache to be written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _score(
        self,
        query: str,
        marks: Sequence[bytes],
        read: Callable[[int], str],
        policy: Policy,
        model: Model,
        rule: str,
        began: float,
        budget_s: float,
    ) -> Scores:
        workers = self.live.live("score", model.name)
        if not workers:
            raise RerankError(Reason.NO_WORKER)
        worker = workers[0]
        places = {mark: place for place, mark in reversed(list(enumerate(marks))) if mark}
        if not places:
            raise RerankError(Reason.NO_TEXT)
        key = self.keys.scores(worker.fingerprint, policy.template, cached_rule(policy.passages) + rule, query.encode())
        known = await self.cache.read(key, list(places), budget_s * CACHE_SHARE)
        from_cache = tuple(mark in known for mark in marks)
        missing = {mark: _clean(read(place)) for mark, place in places.items() if mark not in known}
        missing = {mark: text for mark, text in missing.items() if text and not text.isspace()}
        if not missing and not known:
            raise RerankError(Reason.NO_TEXT)
        depth, reason = len(marks), None
        if missing or policy.stop_margin:
            reading = Reading(best_passages(policy.passages), worker.max_tokens)
            pairs = [reading.pairs(read(place)) if reading.best else 1 for place in range(len(marks))]
            chunks = _chunks(pairs, min(policy.chunk, self.dispatcher.most_pairs))
            patient = budget_s >= PATIENT_SHARE * policy.budget_ms / 1000
            for end, wanted in _steps(marks, chunks, missing, policy.stop_margin > 0):
                if wanted:
                    fresh, reason = await self._ask(worker, query, wanted, missing, reading, began + budget_s, patient)
                    if fresh:
                        self._write(key, fresh)
                    known |= fresh
                if reason:
                    break
                if policy.stop_margin and settled(_logits(marks[:end], known), policy.stop_margin):
                    depth = end
                    break
        found = [known.get(mark) or (None if mark in missing else UNREADABLE) for mark in marks[:depth]]
        logits = tuple(score.logit if score else None for score in found)
        judged = _judged(logits, reason, sum(from_cache[:depth]))
        deeper = (None,) * (len(marks) - depth)
        passages = () if policy.passages == "off" else (*map(_passage, found, marks), *deeper)
        return replace(judged, logits=logits + deeper, passages=passages, from_cache=from_cache)

    async def _ask(
        self,
        worker: Announcement,
        query: str,
        chunks: dict[int, list[bytes]],
        texts: dict[bytes, str],
        reading: Reading,
        deadline: float,
        patient: bool,
    ) -> tuple[dict[bytes, Score], Reason | None]:
        """The scores of the missing texts that came in time, and why not all did."""
        wanted = [(number, [texts[field] for field in mine]) for number, mine in chunks.items()]
        try:
            work = await self.dispatcher.score(worker, query, wanted, deadline, reading=reading, patient=patient)
        except RerankError as error:
            return {}, error.reason
        fresh: dict[bytes, Score] = {}
        for number, logits in work.logits.items():
            spans = work.spans.get(number) or (None,) * len(logits)
            fresh.update(zip(chunks[number], map(Score, logits, spans), strict=True))
        return fresh, work.finished.result()

    def _write(self, key: bytes, scores: dict[bytes, Score]) -> None:
        writing = asyncio.create_task(self.cache.write(key, scores))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)


def _clean(text: str) -> str:
    """The text as UTF-8 can carry it: half surrogates, which JSON allows, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _chunks(pairs: Sequence[int], size: int) -> list[tuple[int, slice]]:
    """Each chunk's number and its places: `size` pairs in first-stage order are one, which are that many ranks where no
    text is read as passages.
    """
    numbers = [(end - mine) // size for end, mine in zip(accumulate(pairs), pairs, strict=True)]
    starts = [place for place, number in enumerate(numbers) if not place or number != numbers[place - 1]]
    return [(numbers[start], slice(start, end)) for start, end in zip(starts, [*starts[1:], len(pairs)], strict=True)]


def _steps(
    marks: Sequence[bytes], chunks: Sequence[tuple[int, slice]], missing: Container[bytes], apart: bool
) -> Iterator[tuple[int, dict[int, list[bytes]]]]:
    """What to ask for at a time: the place behind it, and the missing texts by chunk number. A repeated text belongs to
    its first chunk.
    """
    seen: set[bytes] = set()
    wanted: dict[int, list[bytes]] = {}
    for number, places in chunks:
        mine = [mark for mark in dict.fromkeys(marks[places]) if mark in missing and mark not in seen]
        seen.update(mine)
        if mine:
            wanted[number] = mine
        if apart or places.stop == len(marks):
            yield places.stop, wanted
            wanted = {}


def _logits(marks: Iterable[bytes], known: Mapping[bytes, Score]) -> list[float]:
    return [known[mark].logit for mark in marks if mark in known]


def _passage(score: Score | None, mark: bytes) -> Passage | None:
    return Passage(*score.span, mark) if score and score.span else None


def _judged(logits: tuple[float | None, ...], reason: Reason | None, cached: int) -> Scores:
    if None not in logits:
        if all(logit != logit for logit in logits):
            return Scores(State.FAILED, logits, Reason.MODEL, cached)
        return Scores(State.APPLIED, logits, None, cached)
    prefix = logits[: logits.index(None)]
    state = State.PARTIAL if any(logit == logit for logit in prefix) else State.FAILED
    return Scores(state, logits, reason or Reason.TIMEOUT, cached)
