"""The whole of secondpass on one machine: engine, cache, broker, workers and proxy as child processes.

Parts that are given by URL are not started. The ports follow the proxy's: engine +1 (+2 between nodes), cache +3,
broker +4. The engine's data are kept between runs; logs and all else lie in a folder of the run, which is kept when
something went wrong.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from connector.errors import PartFailed
from connector.local.elasticsearch import VERSION as ELASTICSEARCH
from connector.local.elasticsearch import elasticsearch
from connector.local.folders import Account, engine_account, engine_folder
from connector.local.opensearch import QUICK, Place, opensearch
from connector.local.opensearch import VERSION as OPENSEARCH
from connector.local.processes import Part, Supervisor, taken
from connector.local.programs import proxy, workers
from connector.local.runs import kept_on_failure, locked, note_addresses, run_folder
from connector.local.valkey import BROKER, CACHE, valkey
from connector.settings import Settings, chosen_file, load


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
    run = run_folder(engine_folder(account), wish.name)
    with kept_on_failure(run), locked(_data(wish, account), account) as data, Supervisor() as supervisor:
        started = time.monotonic()
        note_addresses(run, settings, chosen_file(wish.config))

        def begin(*parts: Part) -> None:
            for part in parts:
                supervisor.start(part)

        def await_ready(name: str, what: str) -> None:
            with console.status(f"starting {what}"):
                supervisor.wait_ready(name)
            console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {what}")

        begin(*_servers(wish, run, data))
        engine = _engine(wish, run, data, console)
        begin(*engine)
        for name in ("cache", "broker"):
            if name in supervisor.pids():
                await_ready(name, f"Valkey ({name})")
        busy = workers(settings, run, environment)
        begin(*busy)
        if engine:
            await_ready("engine", wish.engine)
        begin(proxy(settings, run, environment))
        for worker in busy:
            await_ready(worker.name, worker.name)
        await_ready("proxy", f"proxy on port {settings.proxy.port}")
        yield Stack(settings, supervisor, run, data)


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


def _data(wish: Wish, account: Account | None) -> Path:
    version = {"opensearch": OPENSEARCH, "elasticsearch": ELASTICSEARCH}[wish.engine]
    base = wish.data or engine_folder(account) / "data" / wish.name
    return base.resolve() / f"{wish.engine}-{version}"


def _servers(wish: Wish, run: Path, data: Path) -> list[Part]:
    parts = []
    if not wish.redis_url:
        parts.append(valkey("cache", wish.port + 3, data / "cache", CACHE, log=run / "cache.log"))
    if not wish.broker_url:
        parts.append(valkey("broker", wish.port + 4, run / "broker", BROKER, log=run / "broker.log"))
    if busy := [port for port in range(wish.port, wish.port + 5) if taken(port)]:
        raise PartFailed(
            f"port {', '.join(map(str, busy))} of 127.0.0.1 is taken; this stack wants {wish.port} to {wish.port + 4}. "
            "Stop what listens there, or choose others with --port"
        )
    return parts


def _engine(wish: Wish, run: Path, data: Path, console: Console) -> list[Part]:
    if wish.engine_url:
        return []
    place = Place(
        wish.port + 1, wish.port + 2, run / "engine", data / "engine", flags=QUICK if wish.name == "demo" else ()
    )
    if wish.engine == "elasticsearch":
        return [elasticsearch(place, console=console)]
    return [opensearch(place, console=console)]
