"""The whole product once a run: the stack of `secondpass up`, before the session's OpenSearch, with the demo shop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from rich.console import Console

from connector.local.processes import taken
from connector.local.stack import Stack, Wish, running

SHOP = Path(__file__).parents[2] / "connector" / "local" / "shop" / "products.jsonl"

POLICIES = """
[[model]]
name = "products-en"
source = "bundled:products-en"
languages = ["en"]
runtime = "openvino"  # nothing to measure at each start
precision = "fp32"

[[policy]]
name = "shop"
indices = ["shop*"]
fields = ["name", "brand", "description", "features"]
template = "{name}. {brand}. {description}. {features}"
vector_field = "embedding"
window = 50
budget_ms = 60000

[[policy]]
name = "quick"
indices = ["shop*"]
fields = ["name"]
window = 50
budget_ms = 300

[redis]
page_ttl_s = 20
"""


@dataclass(frozen=True, slots=True)
class Live:
    """The running product: `straight` is the engine itself, `url` the proxy before it."""

    stack: Stack
    config: Path

    @property
    def url(self) -> str:
        return self.stack.url

    @property
    def straight(self) -> str:
        return self.stack.engine_url

    def search(self, body: dict[str, Any], path: str = "/shop/_search", **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=90, **options)

    def pid(self, part: str) -> int:
        return self.stack.supervisor.pids()[part]

    def signal(self, part: str, number: signal.Signals) -> None:
        os.killpg(self.pid(part), number)

    def restart(self, part: str) -> None:
        """Start a part that was killed, on its old address."""
        self.stack.supervisor.restart(part)

    def wait(self, done: Callable[[], bool], what: str, limit_s: float = 120) -> None:
        deadline = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < deadline, f"{what}: not after {limit_s} s"
            time.sleep(0.2)

    def missing(self) -> list[str]:
        return list(httpx.get(self.url + "/_secondpass/ready", timeout=30).json()["missing"])


def secondpass(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "connector.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)


@pytest.fixture(scope="session")
def live(opensearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("e2e")
    config = folder / "secondpass.toml"
    config.write_text(POLICIES)
    port = next(port for port in range(19280, 29280, 10) if not any(taken(one) for one in range(port, port + 5)))
    wish = Wish("e2e", engine_url=opensearch_url, port=port, config=config)
    with running(wish, Console(stderr=True)) as stack:
        loaded = secondpass(
            *("index", str(SHOP), "--index", "shop", "--mapping", "shop", "--config", str(config)),
            *("--port", str(port), "--engine-url", opensearch_url),
            env=os.environ | {"SECONDPASS_STATE": str(folder)},
        )
        assert loaded.returncode == 0, loaded.stderr
        with redis.Redis.from_url(stack.settings.redis.url) as cache:
            cache.flushall()  # the score cache outlives a stack: an earlier run's scores are not this one's
        yield Live(stack, config)


def ids(answer: Any) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def outcome(response: httpx.Response) -> tuple[str, dict[str, str]]:
    """State and parameters of `Secondpass-Rerank`."""
    state, *rest = response.headers["secondpass-rerank"].split(";")
    return state, dict(part.partition("=")[::2] for part in rest)


def load_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
