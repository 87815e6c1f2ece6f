"""The proxy before a real engine, with real workers and the models that a test names: less than a whole stack."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from connector.settings import parse
from tests.connector.stage import Child
from tests.faithful.conftest import ready, serving

START_S = 240  # a worker's imports and loading, on a busy machine


@contextmanager
def working(folder: Path, cache: str, broker: str, models: list[dict[str, Any]]) -> Iterator[None]:
    """A worker of each model, for any number of proxies on these servers."""
    config = folder / "secondpass.toml"
    lines = [f'[broker]\nurl = "{broker}"\n[redis]\nurl = "{cache}"\n']
    for model in models:
        lines.append("[[model]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in model.items()))
    config.write_text("\n".join(lines))
    with ExitStack() as stack:
        for model in models:
            command = [sys.executable, "-m", "connector.cli.main", "worker", "--model", model["name"]]
            child = Child(*command, SECONDPASS_CONFIG=str(config), OMP_NUM_THREADS="1")
            stack.callback(child.kill)
        yield


@contextmanager
def before(
    engine: str, cache: str, broker: str, models: list[dict[str, Any]], policies: list[dict[str, Any]]
) -> Iterator[str]:
    """A proxy's URL, once it can rerank."""
    servers = {"engine": {"url": [engine]}, "redis": {"url": cache, "page_ttl_s": 0}, "broker": {"url": broker}}
    settings = parse({**servers, "proxy": {"port": 0}, "model": models, "policy": policies})
    with serving(settings) as url:
        ready(lambda: httpx.get(f"{url}/_secondpass/ready?rerank=true", timeout=60).status_code == 200, START_S)
        yield url


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
