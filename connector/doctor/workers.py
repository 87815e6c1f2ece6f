"""The workers: does each model have one, are they all of one kind, and does work wait in front of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from connector.addresses import check_addresses
from connector.contract import LIVE_S, Announcement, embed_queue, workers_key
from connector.doctor.finding import Finding, error, ok, warning
from connector.embedding import MODEL
from connector.errors import ConfigError
from connector.live import read_announcement
from connector.servers import is_redis, open_redis, reply_url
from connector.settings import Settings

WAIT_S = 2.0
DEEP = 4  # tasks a worker that may wait: a proxy sends one a worker, and several proxies may share a queue


async def living(settings: Settings) -> list[Announcement]:
    """Every worker that announced itself in the last `LIVE_S` seconds. Raises RedisError, OSError, ConfigError."""
    pairs = [*(("score", model.name) for model in settings.model), ("embed", MODEL)]
    check_addresses(settings)
    client = open_redis(reply_url(settings), WAIT_S)
    try:
        seconds, _ = await client.time()
        found = []
        for role, model in pairs:
            members: Any = await client.zrangebyscore(workers_key(role, model), seconds - LIVE_S, "+inf")
            found += [read_announcement(member) for member in members]
        return found
    finally:
        await client.aclose()


async def check(settings: Settings) -> tuple[list[Announcement], list[Finding]]:
    """The living workers, and what is to be said of them and of their queues."""
    try:
        workers = await living(settings)
    except (RedisError, OSError, ConfigError, ValueError) as failed:
        fix = "see the findings on cache and broker; workers of another version must be restarted"
        return [], [error("workers", f"announcements cannot be read: {failed}", fix)]
    found = check_living(settings, workers)
    try:
        found += await _queues(settings, workers)
    except (RedisError, OSError) as failed:
        found.append(error("queue", f"its length cannot be read: {failed}", "start the broker, or correct broker.url"))
    return workers, found


def check_living(settings: Settings, workers: Sequence[Announcement]) -> list[Finding]:
    """Pure: one finding a model that a policy names or that the rerank API serves, and one for the embedder where a
    policy has vectors.
    """
    named = {policy.model for policy in settings.policy}
    wanted = [("score", name) for name in sorted(named)]
    if any(policy.vector_field for policy in settings.policy):
        wanted.append(("embed", MODEL))
    if settings.rerank_api.enabled:
        wanted += [("score", model.name) for model in settings.model if model.name not in named]
    found = []
    for role, model in wanted:
        alive = [worker for worker in workers if (worker.role, worker.model) == (role, model)]
        spare = role == "score" and model not in named
        found.append(_unserved(model) if spare and not alive else _of_kind(role, model, alive))
    return found


def _unserved(model: str) -> Finding:
    fix = f"start one: secondpass worker --role score --model {model}; or take its [[model]] out of the settings"
    return warning(f"worker {model}", "none is alive: no policy names it, but the rerank API cannot score with it", fix)


def _of_kind(role: str, model: str, workers: Sequence[Announcement]) -> Finding:
    about = f"worker {model}" if role == "score" else "embed worker"
    if not workers:
        command = f"secondpass worker --role {role}" + (f" --model {model}" if role == "score" else "")
        lost = "searches say failed;reason=no_worker" if role == "score" else "searches say knn=off"
        return error(about, f"none is alive: {lost}", f"start one: {command}; where one runs, compare its broker.url")
    kinds = {worker.fingerprint: worker for worker in workers}
    said = "; ".join(
        f"{sum(w.fingerprint == key for w in workers)} alive, {one.runtime} {one.precision}, "
        f"{f'{one.max_tokens} tokens, ' if one.max_tokens else ''}{_made_for(one)}fingerprint {key[:12]}"
        for key, one in kinds.items()
    )
    if len(kinds) > 1:
        fix = (
            "during a rolling deployment this passes; otherwise give all workers the same files, runtime and precision"
        )
        return warning(about, f"{len(kinds)} fingerprints at once, only the newest is asked: {said}", fix)
    return ok(about, said)


def _made_for(worker: Announcement) -> str:
    """Longer queries are `skipped;reason=length`; details show a probability where the model is calibrated."""
    said = f"queries of up to {worker.max_query_chars} characters, " if worker.max_query_chars else ""
    return said + ("calibrated, " if worker.calibration else "")


async def _queues(settings: Settings, workers: Sequence[Announcement]) -> list[Finding]:
    names: dict[str, int] = {}
    for worker in workers:
        queues = [worker.queue] if worker.role == "score" else _embed_queues(worker)
        for queue in queues:
            names[queue] = names.get(queue, 0) + 1
    if not names:
        return []
    waiting = await _lengths(settings.broker.url, list(names))
    deep = {name: length for name, length in waiting.items() if length > DEEP * names[name]}
    if not deep:
        return [ok("queue", f"{sum(waiting.values())} tasks wait in {len(names)} queues")]
    fix = "start more workers, or lower `window`; see bench/README.md for pairs a second"
    said = "; ".join(f"{length} tasks wait in {name} ({names[name]} workers)" for name, length in deep.items())
    return [warning("queue", said, fix)]


def _embed_queues(worker: Announcement) -> list[str]:
    return [embed_queue(worker.model, worker.fingerprint, kind) for kind in ("query", "document")]


async def _lengths(url: str, names: Sequence[str]) -> dict[str, int]:
    """Waiting tasks by queue. Raises RedisError, OSError."""
    if not is_redis(url):
        return await asyncio.to_thread(_amqp_lengths, url, names)
    client = open_redis(url, WAIT_S)
    try:
        return {name: int(await client.llen(name)) for name in names}
    finally:
        await client.aclose()


def _amqp_lengths(url: str, names: Sequence[str]) -> dict[str, int]:
    from kombu.connection import Connection

    lengths: dict[str, int] = {}
    with Connection(url, connect_timeout=WAIT_S) as connection:  # type: ignore[no-untyped-call]
        try:
            connection.connect()
        except (*connection.connection_errors, *connection.channel_errors) as error:  # not all are OSErrors
            raise OSError(str(error)) from error
        for name in names:
            channel = connection.channel()  # asking for a queue that is not there closes the channel
            try:
                lengths[name] = int(channel.queue_declare(queue=name, passive=True).message_count)
            except connection.channel_errors:
                lengths[name] = 0
    return lengths
