"""What the tests of the rerank step stand on: worker processes, opened services, and patience for servers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from connector.local.processes import free_port
from connector.local.valkey import pong, program
from connector.services import Services
from connector.settings import Settings, parse

ROOT = Path(__file__).parents[2]


def make_settings(broker: str, cache: str, model: str, **policy: object) -> Settings:
    shop = {"name": "shop", "indices": ["shop"], "fields": ["name"], "model": model} | policy
    return parse(
        {
            "redis": {"url": cache, "cache_key": "of the tests"},
            "broker": {"url": broker},
            "model": [{"name": model, "source": "stub"}],
            "policy": [shop],
        }
    )


class Child:
    """A process that can be ended in every way."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": "."} | environment,
        )

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.thaw()
        self.process.kill()
        self.process.wait()


@contextmanager
def stub_worker(broker: str, reply: str, model: str, *, role: str = "score", **options: object) -> Iterator[Child]:
    """A Celery worker with made-up scores; `options` are those of tests/stub_worker.py."""
    command = ["--broker", broker, "--reply", reply, "--model", model, "--role", role]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    child = Child(sys.executable, "-m", "tests.stub_worker", *command)
    try:
        yield child
    finally:
        child.kill()


@contextmanager
def real_worker(broker: str, cache: str) -> Iterator[Child]:
    """`secondpass worker --model stub`: all of the worker but a model."""
    urls = {"SECONDPASS_BROKER__URL": broker, "SECONDPASS_REDIS__URL": cache}
    child = Child(sys.executable, "-m", "connector.cli.main", "worker", "--model", "stub", **urls)
    try:
        yield child
    finally:
        child.kill()


class Server:
    """A Valkey of the test's own, which it may kill and freeze; it comes back on the same port, empty."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self.child = Child(str(program()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "")
        limit = time.monotonic() + 10
        while not pong(self.port):
            assert time.monotonic() < limit, "valkey did not start"
            time.sleep(0.02)


@contextmanager
def own_server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.child.kill()


@asynccontextmanager
async def opened(settings: Settings, *roles: str, patience_s: float = 5.0) -> AsyncIterator[Services]:
    """Services that know a living worker of each role. `patience_s`: with the cache server, for a busy machine."""
    services = await Services.open(settings)
    services.store.wait_s = patience_s
    try:
        for role in roles:
            name = settings.model[0].name if role == "score" else "default"
            await until(lambda role=role, name=name: services.live.live(role, name), 60)  # type: ignore[misc]
        yield services
    finally:
        await services.close()


async def until(true: Callable[[], object], limit_s: float) -> None:
    limit = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < limit, "waited in vain"
        await asyncio.sleep(0.02)
