"""The ways to an engine, and the line at the end of a run that says how many requests differed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from connector.settings import parse
from tests.connector.proxy.running import running_proxy
from tests.connector.stage import stub_worker
from tests.faithful.conftest import ready, serving
from tests.fidelity.index import build, clear
from tests.fidelity.raw import Way, ask

MODEL = "fidelity"
TALLY: Counter[tuple[str, str]] = Counter()
"""Engine and "requests" or "differences" -> how many."""


@dataclass(frozen=True)
class Ways:
    """Straight, straight again, through the proxy without a policy, and through it with a policy that reranks."""

    engine: str
    straight: Way
    again: Way
    proxy: Way
    policy: Way


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def ways(request: pytest.FixtureRequest, valkey_url: str, broker_url: str) -> Iterator[Ways]:
    engine = request.getfixturevalue(f"{request.param}_url")
    settings = parse(
        {
            "engine": {"url": [engine]},
            "redis": {"url": valkey_url, "cache_key": "of the tests"},
            "broker": {"url": broker_url},
            "proxy": {"port": 0},
            "model": [{"name": MODEL, "source": "stub"}],
            "policy": [
                {"name": "every", "indices": ["fid-q*"], "fields": ["name"], "model": MODEL, "budget_ms": 20_000}
            ],
        }
    )
    with (
        running_proxy(engine) as plain,
        stub_worker(broker_url, broker_url, MODEL),
        serving(settings) as reranking,
    ):
        made = Ways(
            request.param,
            Way(engine, b"fid-s"),
            Way(engine, b"fid-t"),
            Way(plain, b"fid-p"),
            Way(reranking, b"fid-q"),
        )
        every = [Way(engine, way.index) for way in (made.straight, made.again, made.proxy, made.policy)]
        for way in every:
            build(way)
        ready(lambda: (told := made.policy.send(ask("GET", "/_secondpass/ready?rerank=true"))) and told.code == 200)
        yield made
        for way in every:
            clear(way)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for engine in sorted({engine for engine, _ in TALLY}):
        told = ", ".join(f"{TALLY[engine, what]} {what}" for what in ("requests", "differences", "reranked"))
        terminalreporter.write_line(f"fidelity, {engine}: {told}")
