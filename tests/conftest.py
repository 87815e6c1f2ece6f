"""Fixtures that every test may ask for: real servers (tests/services.py), a fresh index name, an empty database."""

import itertools
import os
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.services import Services

_numbers = itertools.count()


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    running = Services()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def opensearch_url(services: Services) -> str:
    """OpenSearch 3.6.0 with kNN and neural-search, one node, 512 MB heap. Vector fields must name engine lucene."""
    return services.opensearch()


@pytest.fixture(scope="session")
def elasticsearch_url(services: Services) -> str:
    """Elasticsearch 9.5.3 without security: standard analyzers, no painless; `GET /` is 405."""
    return services.elasticsearch("9.5.3")


@pytest.fixture(scope="session")
def elasticsearch_8_url(services: Services) -> str:
    """Elasticsearch 8.19.21, for tests marked slow."""
    return services.elasticsearch("8.19.21")


@pytest.fixture(scope="session")
def valkey_url(services: Services) -> str:
    """Valkey with noeviction, for cache and replies. Shared: use `flush` or keys of your own."""
    return services.valkey("valkey")


@pytest.fixture(scope="session")
def broker_url(services: Services) -> str:
    """A second Valkey with noeviction, for Celery's queues."""
    return services.valkey("broker")


@pytest.fixture(scope="session")
def redis_url(services: Services) -> str:
    """Debian's real redis-server."""
    return services.redis()


@pytest.fixture(scope="session")
def rabbitmq_url(services: Services) -> str:
    """A real RabbitMQ; amqp://, user guest."""
    return services.rabbitmq()


@pytest.fixture
def unique_index() -> str:
    """An index name that no other test and no earlier run uses."""
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def flush() -> Callable[[str], None]:
    """Empties the Redis-protocol server at a URL."""

    def empty(url: str) -> None:
        with redis.Redis.from_url(url) as client:
            client.flushall()

    return empty
