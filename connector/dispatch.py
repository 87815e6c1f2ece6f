"""Sends the work of one proxy process to the workers: few tasks in flight, each carrying many requests.

A lane is one queue. It has at most as many tasks in flight as workers live on it; what arrives meanwhile joins the
next task, one chunk of each caller in turn, up to what a worker does in `TASK_S`. There is no timer that waits for more
work. A task's place is free again when its worker says "done", when a worker of the lane is gone, or `GRACE_S` after
the last deadline in it.
"""

import asyncio
import itertools
import logging
import math
import os
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from connector import metrics
from connector.breaker import Breaker
from connector.broker import Broker
from connector.contract import EMBED_TASK, SCORE_TASK, Announcement, embed_queue, reply_key
from connector.errors import RerankError
from connector.live import Live
from connector.reading import Reading
from connector.replies import Replies
from connector.types import Reason
from connector.work import Chunk, EmbedWork, ScoreWork, Work

log = logging.getLogger(__name__)

GRACE_S = 0.5
TASK_S = 0.4  # a task of more work would cost the searches that come behind it most of their second
FEWEST = 32  # pairs that a task may have however slow its worker, and that tell how fast it is
LIFETIME_SLACK_S = 10.0  # a task outlives its deadlines in the broker by this; that it is late is its worker's to see
PROBE_DEADLINE_S = 1.0


class Lane:
    """One queue: who waits for it, what is in flight on it, and whether it works."""

    def __init__(self, queue: str, worker: Announcement, breaker: Breaker) -> None:
        self.queue = queue
        self.worker = worker  # any of them: role and fingerprint are those of all
        self.breaker = breaker
        self.waiting: deque[Work] = deque()
        self.flying: dict[str, tuple[asyncio.TimerHandle, int, int]] = {}  # task -> its latest end, its bytes, pairs
        self.pumping = False  # it will be, in this round of the event loop
        self.rate = math.inf  # pairs a second of one worker, a mean over the last tasks

    def measured(self, pairs: int, ms: float) -> None:
        """A worker took so long for a task of so many pairs."""
        if pairs >= FEWEST and ms > 0:
            rate = 1000 * pairs / ms
            self.rate = rate if self.rate == math.inf else 0.7 * self.rate + 0.3 * rate

    def take(self, most_pairs: int, places: int) -> tuple[list[Work], dict[str, Any], int, int]:
        """The next task's requests, its payload (less what all tasks carry), its bytes and pairs: of those who wait,
        the share of one of `places` that are free.
        """
        most_pairs = int(min(most_pairs, max(FEWEST, self.rate * TASK_S)))
        first = self.waiting[0]
        if isinstance(first, EmbedWork):
            size = first.size
            first.sent = True
            self.waiting.popleft()
            return [first], {"id": first.id, "kind": first.kind, "texts": list(first.texts)}, size, 0
        share = deque(self.waiting.popleft() for _ in range(-(-len(self.waiting) // places)))
        chunks: dict[ScoreWork, list[list[Any]]] = {}
        pairs = total = 0
        while share and isinstance(work := share[0], ScoreWork):
            number, texts, size = work.pending[0]
            more = work.next_pairs
            if pairs and pairs + more > most_pairs:
                break
            share.popleft()
            work.pending.popleft()
            if work.pending:
                share.append(work)
            chunks.setdefault(work, []).append([number, texts])
            pairs, total = pairs + more, total + size
        self.waiting.extendleft(reversed(share))
        requests = [
            {"id": work.id, "query": work.query, "chunks": mine}
            | ({"passages": work.reading.best} if work.reading.best else {})
            for work, mine in chunks.items()
        ]
        return list(chunks), {"requests": requests}, total, pairs


class Dispatcher:
    """The lanes of one process. `url`: where replies come; `most_bytes`: of what waits here and in the broker."""

    def __init__(self, broker: Broker, live: Live, url: str, *, most_pairs: int, most_bytes: int) -> None:
        self.broker = broker
        self.live = live
        self.most_pairs = most_pairs
        self.most_bytes = most_bytes
        self.bytes = 0
        self.process = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.replies = Replies(url, reply_key(self.process), self.receive)
        self.lanes: dict[str, Lane] = {}
        self._works: dict[int, Work] = {}
        self._flights: dict[str, Lane] = {}
        self._numbers = itertools.count(1)
        self._sending: set[asyncio.Task[None]] = set()
        live.gone = self._gone

    def start(self) -> None:
        self.replies.start()

    async def close(self) -> None:
        await self.replies.close()
        for lane in list(self.lanes.values()):
            await lane.breaker.close()
            for timer, *_ in lane.flying.values():
                timer.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self.broker.close()

    async def score(
        self,
        worker: Announcement,
        query: str,
        chunks: Sequence[Chunk],
        deadline: float,
        *,
        reading: Reading | None = None,
        patient: bool = True,
    ) -> ScoreWork:
        """The logits that come until `deadline` (`time.monotonic()`), and in `finished` why not all did.

        `reading` says what becomes of long texts (None: they are cut). `patient`: the time given is what the policy
        means to give, so that a timeout tells something about the queue.
        Raises RerankError where nothing was sent: NO_WORKER, BREAKER, OVERLOAD.
        """
        work = ScoreWork(next(self._numbers), deadline, query, chunks, reading)
        await self._do(self._lane(worker.queue, worker), work, patient)
        return work

    async def embed(
        self, worker: Announcement, kind: str, texts: Sequence[str], deadline: float, *, patient: bool = True
    ) -> EmbedWork:
        """Vectors of all `texts`, in one task, as `score` does it. `kind` is "query" or "document"."""
        work = EmbedWork(next(self._numbers), deadline, kind, texts)
        await self._do(self._lane(embed_queue(worker.model, worker.fingerprint, kind), worker), work, patient)
        return work

    def receive(self, raw: bytes) -> None:
        """One reply. What cannot be understood is dropped."""
        try:
            reply = msgspec.msgpack.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            log.warning("reply not understood", extra={"error": str(error)})
            return
        if not isinstance(reply, dict):
            log.warning("reply not understood")
            return
        number, task = reply.get("request"), reply.get("task")
        if isinstance(number, int) and (work := self._works.get(number)):
            work.take(reply)
        if reply.get("done") is True and isinstance(task, str):
            if (lane := self._flights.get(task)) and isinstance(ms := reply.get("ms"), int | float):
                lane.measured(lane.flying[task][2], ms)
            self._land(task)

    def _lane(self, queue: str, worker: Announcement) -> Lane:
        lane = self.lanes.get(queue)
        if lane is None:
            lane = Lane(queue, worker, Breaker(queue, lambda: self._probe(queue)))
            self.lanes[queue] = lane
        return lane

    async def _do(self, lane: Lane, work: Work, patient: bool) -> None:
        if lane.breaker.open:
            raise RerankError(Reason.BREAKER)
        await self._run(lane, work)
        reason = work.finished.result()
        if work.fruitful:
            lane.breaker.succeeded()
        elif reason in (Reason.REDIS, Reason.ERROR) or (reason is Reason.TIMEOUT and patient):
            lane.breaker.failed()

    async def _run(self, lane: Lane, work: Work) -> None:
        if not self.live.count(lane.worker.queue):
            raise RerankError(Reason.NO_WORKER)
        size = work.size
        if self.bytes + size > self.most_bytes:
            raise RerankError(Reason.OVERLOAD)
        timer = asyncio.get_running_loop().call_later(
            max(0.0, work.deadline - time.monotonic()), work.finish, Reason.TIMEOUT
        )
        self._hold(size)
        self._works[work.id] = work
        lane.waiting.append(work)
        try:
            self._pump_soon(lane)
            await work.finished
        finally:
            timer.cancel()
            del self._works[work.id]
            if work.size:  # part of it never left
                self._hold(-work.size)
                lane.waiting.remove(work)

    async def _probe(self, queue: str) -> bool | None:
        """Whether a worker answers a tiny request; None where none lives: a queue without workers is no lane, and one
        that comes back has a new one. Raises RerankError.
        """
        lane, deadline = self.lanes[queue], time.monotonic() + PROBE_DEADLINE_S
        if not (lane.waiting or lane.flying or self.live.count(lane.worker.queue)):
            del self.lanes[queue]
            return None
        work: Work
        if lane.worker.role == "score":
            work = ScoreWork(next(self._numbers), deadline, "probe", [(0, ["probe"])])
        else:
            work = EmbedWork(next(self._numbers), deadline, queue.rpartition(".")[2], ["probe"])
        await self._run(lane, work)
        return work.fruitful

    def _pump_soon(self, lane: Lane) -> None:
        """Send once all who were woken together have come: callers whose answers came in one reply share a task."""
        if not lane.pumping:
            lane.pumping = True
            asyncio.get_running_loop().call_soon(self._pump, lane)

    def _pump(self, lane: Lane) -> None:
        """Send tasks while there is both work and a place in flight."""
        lane.pumping = False
        workers = self.live.count(lane.worker.queue)
        while lane.waiting and (places := workers - len(lane.flying)) > 0:
            works, payload, size, pairs = lane.take(self.most_pairs, places)
            task = uuid.uuid4().hex
            deadline = max(work.deadline for work in works)
            wait = max(0.0, deadline - time.monotonic())
            timer = asyncio.get_running_loop().call_later(wait + GRACE_S, self._land, task)
            lane.flying[task] = timer, size, pairs
            self._flights[task] = lane
            payload |= {"task": task, "reply": self.replies.key}
            if lane.worker.role == "score":
                for request, work in zip(payload["requests"], works, strict=True):
                    request["deadline"] = self.live.server_time(work.deadline)
            else:
                payload["deadline"] = self.live.server_time(deadline)
            sending = asyncio.create_task(self._send(lane, works, payload, wait + LIFETIME_SLACK_S))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(self, lane: Lane, works: Sequence[Work], payload: dict[str, Any], lifetime_s: float) -> None:
        name = SCORE_TASK if lane.worker.role == "score" else EMBED_TASK
        try:
            await self.broker.send(name, lane.queue, payload, lifetime_s)
        except RerankError as error:
            log.info("task not sent", extra={"queue": lane.queue, "error": str(error)})
            for work in works:
                work.finish(error.reason)
            self._land(payload["task"])
        except Exception:
            log.exception("task not sent")
            for work in works:
                work.finish(Reason.ERROR)
            self._land(payload["task"])

    def _gone(self, queue: str) -> None:
        """A worker of `queue` lives no more. Which task it had nobody knows: that too many are in flight for a moment
        costs less than a place that a task holds until its deadline, 25 s away for the rerank API.
        """
        for lane in self.lanes.values():
            if lane.worker.queue == queue:
                for task in list(lane.flying):
                    self._land(task)

    def _hold(self, size: int) -> None:
        self.bytes += size
        metrics.QUEUE.set(self.bytes)

    def _land(self, task: str) -> None:
        """A task is over: its place and its bytes are free."""
        lane = self._flights.pop(task, None)
        if lane is None:
            return
        timer, size, _ = lane.flying.pop(task)
        timer.cancel()
        self._hold(-size)
        self._pump_soon(lane)
