"""The engine that the suite may empty, one of its own whatever the environment says others use; and the proxies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from connector.settings import parse
from tests.faithful.conftest import serving
from tests.services import Services

ENGINES = ("opensearch", "elasticsearch")


@contextmanager
def own_engine(name: str, url: str = "") -> Iterator[str]:
    """Its URL; `url` is one that runs already, and that nobody else uses."""
    with patch.dict(os.environ, {f"SECONDPASS_TEST_{name.upper()}_URL": url}):
        services = Services()
        try:
            yield services.opensearch() if name == "opensearch" else services.elasticsearch("9.5.3")
        finally:
            services.stop()


@contextmanager
def reading_proxy(engine: str) -> Iterator[str]:
    """A proxy whose policy covers every name and has nobody to score: each search is read, planned, sent for a window,
    and written anew in the engine's order with the engine's scores. So the answer must be as if nothing had been done.
    """
    services = Services()
    policy = {"name": "all", "indices": ["*", "_all"], "fields": ["text", "title", "foo"], "scores": "engine"}
    policy |= {"query_path": "header:User-Agent"}  # a text for every search, whatever its query
    servers = {
        "redis": {"url": services.valkey("valkey"), "page_ttl_s": 0},
        "broker": {"url": services.valkey("broker")},
    }
    made = {**servers, "engine": {"url": [engine]}, "proxy": {"port": 0}, "policy": [policy | {"pit": True}]}
    try:
        with serving(parse(made)) as url:
            yield url
    finally:
        services.stop()
