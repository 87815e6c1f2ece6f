"""A worker process from settings to its end: load, warm, consume, announce, and leave cleanly.

Rule: one process, one role, one model, one thread that computes (the solo pool).
"""

import logging
import os
import socket
import time
import uuid
from dataclasses import dataclass
from functools import partial

from celery import Celery, signals
from redis import Redis
from redis.exceptions import RedisError

from connector.contract import EMBED_TASK, SCORE_TASK, Announcement, embed_queue, score_queue
from connector.errors import ConfigError
from connector.settings import Embedder, Model
from workers.clock import Clock
from workers.embedder import KINDS
from workers.embedders.open import open_embedder
from workers.embedding import Embedding
from workers.heartbeat import Heartbeat, living
from workers.load import open_scorer
from workers.replies import Replies
from workers.scoring import Scoring
from workers.tasks import Work, add_task
from workers.together import first_choice
from workers.watchdog import Watchdog

EMBEDDER = "default"  # the one embedder's name in its announcements
EMBED_LIMIT_S = 60  # for 8 texts, which take seconds at worst
RETRY_S = 1.0
log = logging.getLogger("secondpass.worker")


@dataclass(frozen=True, slots=True)
class Duty:
    """What a loaded worker does: the task it answers, from which queues, and how it announces itself."""

    task: str
    work: Work
    queues: list[str]
    watchdog: Watchdog
    announcement: Announcement
    why: str


def score_duty(model: Model, server: Redis, clock: Clock) -> Duty:
    """Load and warm a cross-encoder, in the class of the workers that run or start with it. Raises ConfigError."""
    load = partial(
        open_scorer,
        model.source,
        max_tokens=model.max_tokens,
        runtime=model.runtime,
        precision=model.precision,
        device=model.device,
        activation=model.activation,
        label=model.label,
        batch_tokens=model.batch_tokens,
        revision=model.revision,
    )
    there = running(server, clock, "score", model.name)
    scorer = load(living=there)
    if model.precision == "auto" and scorer.info.fingerprint not in there:
        first = first_choice(server, model.name, scorer.info.fingerprint)
        if first != scorer.info.fingerprint:
            scorer = load(living=[first])
    info = scorer.info
    if len(info.labels) > 1:
        raise ConfigError(f"model {model.name!r}: set label to the one that ranks, of {', '.join(info.labels)}")
    watchdog = Watchdog(model.batch_limit_s)
    queue = score_queue(model.name, info.fingerprint)
    announcement = Announcement(
        id=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        role="score",
        model=model.name,
        fingerprint=info.fingerprint,
        queue=queue,
        runtime=info.runtime,
        precision=info.precision,
        max_tokens=info.max_tokens,
        host=socket.gethostname(),
        pid=os.getpid(),
        started=clock.now(),
        max_query_chars=info.max_query_chars,
        calibration=info.calibration.as_json() if info.calibration else None,
    )
    return Duty(SCORE_TASK, Scoring(scorer, watchdog, clock.now), [queue], watchdog, announcement, info.why)


def embed_duty(embedder: Embedder, server: Redis, clock: Clock) -> Duty:
    """Load and warm the embedder. Queries are taken before documents. Raises ConfigError."""
    running(server, clock, "embed", EMBEDDER)
    loaded = open_embedder(embedder.source, embedder.query_prefix, embedder.document_prefix)
    info = loaded.info
    watchdog = Watchdog(EMBED_LIMIT_S)
    queues = [embed_queue(EMBEDDER, info.fingerprint, kind) for kind in KINDS]
    announcement = Announcement(
        id=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        role="embed",
        model=EMBEDDER,
        fingerprint=info.fingerprint,
        queue=queues[0],
        runtime=info.runtime,
        precision=info.precision,
        max_tokens=info.max_tokens,
        dims=info.dims,
        host=socket.gethostname(),
        pid=os.getpid(),
        started=clock.now(),
    )
    return Duty(EMBED_TASK, Embedding(loaded, watchdog, clock.now), queues, watchdog, announcement, embedder.source)


def running(server: Redis, clock: Clock, role: str, model: str) -> list[str]:
    """Fingerprints of the workers that live now; waits for the server, without which no work arrives either."""
    said = False
    while True:
        try:
            return [one.fingerprint for one in living(server, clock, role, model)]
        except RedisError as error:
            if not said:
                log.warning("waiting for the reply server: %s", error)
            said = True
            time.sleep(RETRY_S)


def serve(app: Celery, duty: Duty, server: Redis, clock: Clock, started: float) -> int:
    """Consume until SIGTERM, which lets the batch under way finish; returns the exit status. `started` is the
    monotonic time at which the process began to load.
    """
    add_task(app, duty.task, duty.work, Replies(server))
    heartbeat = Heartbeat(server, clock, duty.announcement)

    def ready(**_: object) -> None:
        heartbeat.start()
        log.info(
            "ready role=%s model=%s runtime=%s class=%s fingerprint=%s seconds=%.1f why=%r",
            duty.announcement.role,
            duty.announcement.model,
            duty.announcement.runtime,
            duty.announcement.precision,
            duty.announcement.fingerprint[:12],
            time.monotonic() - started,
            duty.why,
        )

    def leaving(**_: object) -> None:
        heartbeat.leave()

    signals.worker_ready.connect(ready)
    signals.worker_shutting_down.connect(leaving)
    signals.setup_logging.connect(_keep_logging)
    duty.watchdog.start()
    worker = app.Worker(
        pool="solo",
        queues=duty.queues,
        hostname=duty.announcement.id,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    try:
        worker.start()
    finally:
        heartbeat.leave()
        heartbeat.join()
    return int(worker.exitcode or 0)


def _keep_logging(**_: object) -> None:
    """Celery sets up logging unless someone listens to this signal."""
