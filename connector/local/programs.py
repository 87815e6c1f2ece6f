"""Our own programs, workers and proxy, as parts of the stack: the same command line as anywhere else."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import redis

from connector.contract import LIVE_S, workers_key
from connector.errors import PartFailed
from connector.local.processes import Part
from connector.servers import redis_url, reply_url
from connector.settings import Settings

WORKER_NICE = 10  # searches, which wait for engine and proxy, go before batches
_WORKER_S = 180.0  # loading a model, measuring runtimes and warming up, on two busy cores


def workers(settings: Settings, run: Path, environment: Mapping[str, str]) -> list[Part]:
    roles = [("score", model.name) for model in settings.model] + [("embed", "default")]
    return [_worker(role, model, settings, run, environment) for role, model in roles]


def _worker(role: str, model: str, settings: Settings, run: Path, environment: Mapping[str, str]) -> Part:
    name = f"{role} worker" if role == "embed" else f"{role} worker {model}"
    options = ("--role", role, *(("--model", model) if role == "score" else ()))
    return Part(
        name=name,
        command=(sys.executable, "-m", "connector.cli.main", "worker", *options),
        log=run / f"{name.replace(' ', '-')}.log",
        ready=announced(redis_url(reply_url(settings)), role, model),
        limit_s=_WORKER_S,
        environment=environment,
        nice=WORKER_NICE,
        spare=True,
    )


def announced(url: str, role: str, model: str) -> Callable[[], bool]:
    """Asks whether a worker that started after now has announced itself. Raises PartFailed without a server."""
    client = redis.Redis.from_url(url, socket_timeout=2)
    try:
        began, _ = client.time()
    except redis.RedisError as error:
        raise PartFailed(f"no Redis server at {url}: {error}") from error

    def ready() -> bool:
        now, _ = client.time()
        members: Any = client.zrange(workers_key(role, model), now - LIVE_S, "+inf", byscore=True)
        return any(orjson.loads(member)["started"] >= began for member in members)

    return ready


def proxy(settings: Settings, run: Path, environment: Mapping[str, str]) -> Part:
    url = f"http://127.0.0.1:{settings.proxy.port}/_secondpass/ready?rerank=true"

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    return Part(
        name="proxy",
        command=(sys.executable, "-m", "connector.cli.main", "proxy"),
        log=run / "proxy.log",
        ready=ready,
        limit_s=60.0,
        environment=environment,
        ports=(settings.proxy.port,),
    )
