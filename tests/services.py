"""Real servers for tests, each started at most once a run, on first use, through the project's own code.

A server that cannot be had skips the test on a laptop and fails it where REQUIRE_SERVICES=1 promises it. A variable
such as SECONDPASS_TEST_OPENSEARCH_URL points at one that already runs.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connector.errors import PartFailed
from connector.local.elasticsearch import elasticsearch
from connector.local.folders import engine_account, engine_folder
from connector.local.opensearch import QUICK, Place, opensearch
from connector.local.processes import Part, Supervisor, free_port, taken
from connector.local.valkey import valkey
from tests.debian import libraries, unpacked
from tests.rabbitmq import rabbitmq

NOEVICTION = ("--maxmemory-policy", "noeviction", "--save", "")


def missing(what: str) -> None:
    """Skip on a laptop, fail where the services were promised."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, but {what}", pytrace=False)
    pytest.skip(what)


def port_row(size: int = 5) -> int:
    """The first of some free ports in a row, below those that the system lends to whoever connects somewhere."""
    while True:
        first = random.randrange(15_000, 32_000)
        if not any(map(taken, range(first, first + size))):
            return first


class Services:
    """The servers of one test run. Their files lie in a temporary folder that the engines' user can reach."""

    def __init__(self) -> None:
        self._supervisors: list[Supervisor] = []
        self.folder = Path(tempfile.mkdtemp(prefix="tests-", dir=engine_folder(engine_account())))
        self.folder.chmod(0o755)
        self._urls: dict[str, str] = {}
        self._why: dict[str, str] = {}

    def opensearch(self) -> str:
        return self._url("opensearch", "http", lambda port: opensearch(self._place("opensearch", port)))

    def elasticsearch(self, version: str) -> str:
        name = f"elasticsearch-{version}"
        return self._url(name, "http", lambda port: elasticsearch(self._place(name, port), version))

    def valkey(self, name: str) -> str:
        return self._url(name, "redis", lambda port: valkey(name, port, self.folder / name, NOEVICTION))

    def redis(self) -> str:
        def part(port: int) -> Part:
            server = valkey("redis", port, self.folder / "redis", NOEVICTION, server=debian("redis-server"))
            return replace(server, environment=os.environ | libraries())

        return self._url("redis", "redis", part)

    def rabbitmq(self) -> str:
        return self._url("rabbitmq", "amqp", lambda port: rabbitmq(port, self.folder / "rabbitmq"))

    def stop(self) -> None:
        for supervisor in self._supervisors:
            supervisor.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, name: str, port: int) -> Place:
        work = self.folder / name
        return Place(port, free_port(), work, work / "data", name=name, flags=QUICK)

    def _url(self, name: str, scheme: str, parts: Callable[[int], Part | tuple[Part, ...]]) -> str:
        given = os.environ.get(f"SECONDPASS_TEST_{name.partition('-')[0].upper()}_URL")
        if given:
            return given
        if name in self._why:
            missing(self._why[name])
        if name not in self._urls:
            port = free_port()
            try:
                self._start(parts(port))
            except PartFailed as error:
                self._why[name] = f"no {name}: {error}"
                missing(self._why[name])
            self._urls[name] = (
                f"amqp://guest:guest@127.0.0.1:{port}//" if scheme == "amqp" else f"{scheme}://127.0.0.1:{port}"
            )
        return self._urls[name]

    def _start(self, parts: Part | tuple[Part, ...]) -> None:
        """Each server has a supervisor of its own: one that a test ends on purpose does not end the others."""
        supervisor = Supervisor()
        self._supervisors.append(supervisor)
        for part in (parts,) if isinstance(parts, Part) else parts:
            supervisor.start(part)
            supervisor.wait_ready(part.name)


def debian(program: str) -> Path:
    """A server of Debian: from PATH, or unpacked by `make services`. Raises PartFailed."""
    found = shutil.which(program) or shutil.which(program, path=str(unpacked() / "usr" / "bin"))
    if not found:
        raise PartFailed(f"{program} is neither in PATH nor unpacked; run `make services` (needs apt)")
    return Path(found)
