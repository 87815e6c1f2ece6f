"""The whole of secondpass on one machine: engine, cache, broker, workers and proxy as child processes.

Parts that are given by URL are not started. The ports follow the proxy's: engine +1 (+2 between nodes), cache +3,
broker +4. The engine's data are kept between runs; logs and all else lie in a folder of the run, which is kept when
something went wrong.
"""

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import orjson
import redis
from rich.console import Console

from connector.contract import LIVE_S, workers_key
from connector.errors import PartFailed
from connector.local.elasticsearch import VERSION as ELASTICSEARCH
from connector.local.elasticsearch import elasticsearch
from connector.local.folders import Account, engine_account, engine_folder, reaches
from connector.local.opensearch import QUICK, Place, opensearch
from connector.local.opensearch import VERSION as OPENSEARCH
from connector.local.processes import Part, Supervisor, taken
from connector.local.valkey import BROKER, CACHE, valkey
from connector.servers import redis_url, reply_url
from connector.settings import Settings, load

WORKER_NICE = 10  # searches, which wait for engine and proxy, go before batches
KEPT_RUNS = 5
_WORKER_S = 180.0  # loading a model, measuring runtimes and warming up, on two busy cores


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants started. `name` keeps the data of `up` and `demo` apart; what has a URL is not started."""

    name: str = "up"
    engine: str = "opensearch"
    engine_url: str = ""
    redis_url: str = ""
    broker_url: str = ""
    port: int = 9280
    config: Path | None = None
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where it listens, and who to ask whether it still does. `run` holds the logs and ends with the
    stack, `data` stays.
    """

    settings: Settings
    supervisor: Supervisor
    run: Path
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.proxy.port}"

    @property
    def engine_url(self) -> str:
        return self.settings.engine.url[0]


@contextmanager
def running(wish: Wish, console: Console) -> Iterator[Stack]:
    """Start everything and wait until it serves; stop everything when the block is left, however it is left.

    Raises PartFailed (which part, where its log is) and ConfigError.
    """
    account = engine_account()
    environment = _environment(wish)
    settings = _settings(wish.config, environment)
    run = _run_folder(engine_folder(account), wish.name)
    with _kept_on_failure(run), _data_folder(wish, account) as data, Supervisor() as supervisor:
        started = time.monotonic()

        def begin(*parts: Part) -> None:
            for part in parts:
                supervisor.start(part)

        def await_ready(name: str, what: str) -> None:
            with console.status(f"starting {what}"):
                supervisor.wait_ready(name)
            console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {what}")

        begin(*_servers(wish, run))
        engine = _engine(wish, run, data, console)
        begin(*engine)
        for name in ("cache", "broker"):
            if name in supervisor.pids():
                await_ready(name, f"Valkey ({name})")
        workers = _workers(settings, run, environment)
        begin(*workers)
        if engine:
            await_ready("engine", wish.engine)
        begin(_proxy(settings, run, environment))
        for worker in workers:
            await_ready(worker.name, worker.name)
        await_ready("proxy", f"proxy on port {settings.proxy.port}")
        yield Stack(settings, supervisor, run, data.parent)


def _environment(wish: Wish) -> dict[str, str]:
    """What our own processes are told, over file and environment: the addresses of this stack."""
    at = f"127.0.0.1:{wish.port + 3}", f"127.0.0.1:{wish.port + 4}"
    told = {
        "SECONDPASS_ENGINE__URL": wish.engine_url or f"http://127.0.0.1:{wish.port + 1}",
        "SECONDPASS_REDIS__URL": wish.redis_url or f"redis://{at[0]}/0",
        "SECONDPASS_BROKER__URL": wish.broker_url or f"redis://{at[1]}/0",
        "SECONDPASS_PROXY__HOST": "127.0.0.1",
        "SECONDPASS_PROXY__PORT": str(wish.port),
        "PYTHONUNBUFFERED": "1",
    }
    if wish.config:
        told["SECONDPASS_CONFIG"] = str(wish.config.resolve())
    return os.environ | told


def _settings(config: Path | None, environment: Mapping[str, str]) -> Settings:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return load(config)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _servers(wish: Wish, run: Path) -> list[Part]:
    parts = []
    if not wish.redis_url:
        parts.append(valkey("cache", wish.port + 3, run / "cache", CACHE))
    if not wish.broker_url:
        parts.append(valkey("broker", wish.port + 4, run / "broker", BROKER))
    if busy := [port for port in range(wish.port, wish.port + 5) if taken(port)]:
        raise PartFailed(
            f"port {', '.join(map(str, busy))} of 127.0.0.1 is taken; this stack wants {wish.port} to {wish.port + 4}. "
            "Stop what listens there, or choose others with --port"
        )
    return parts


def _engine(wish: Wish, run: Path, data: Path, console: Console) -> list[Part]:
    if wish.engine_url:
        return []
    place = Place(wish.port + 1, wish.port + 2, run / "engine", data, flags=QUICK if wish.name == "demo" else ())
    if wish.engine == "elasticsearch":
        return [elasticsearch(place, console=console)]
    return [opensearch(place, console=console)]


def _workers(settings: Settings, run: Path, environment: Mapping[str, str]) -> list[Part]:
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


def _proxy(settings: Settings, run: Path, environment: Mapping[str, str]) -> Part:
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


@contextmanager
def _kept_on_failure(run: Path) -> Iterator[None]:
    """Remove the folder of a run that ended well, which Ctrl-C and SIGTERM are, too."""
    try:
        yield
    except Exception:
        raise
    except BaseException:
        shutil.rmtree(run, ignore_errors=True)
        raise
    else:
        shutil.rmtree(run, ignore_errors=True)


def _run_folder(base: Path, name: str) -> Path:
    """A new folder for logs. Of earlier ones, left by failed runs, the newest `KEPT_RUNS` stay."""
    runs = base / "runs"
    runs.mkdir(exist_ok=True)
    old = [folder for folder in runs.iterdir() if not _alive(folder)]
    for folder in sorted(old, key=lambda folder: folder.stat().st_mtime)[:-KEPT_RUNS]:
        shutil.rmtree(folder, ignore_errors=True)
    run = runs / f"{name}-{os.getpid()}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(mode=0o755)
    return run


def _alive(folder: Path) -> bool:
    found = re.search(r"-(\d+)$", folder.name)
    try:
        os.kill(int(found[1]) if found else 0, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _data_folder(wish: Wish, account: Account | None) -> Iterator[Path]:
    """The engine's data, locked. Raises PartFailed where another stack uses it or the engine's user cannot."""
    version = {"opensearch": OPENSEARCH, "elasticsearch": ELASTICSEARCH}[wish.engine]
    folder = (wish.data or engine_folder(account) / "data" / wish.name).resolve() / f"{wish.engine}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    if account and not reaches(account, folder.parent):
        raise PartFailed(f"{folder}: the engine runs as nobody, who cannot enter this folder; choose another --data")
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        _lock(lock, folder)
        yield folder


def _lock(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PartFailed(
            f"{folder} is in use by another stack; stop it, or give a folder of your own by --data"
        ) from error
