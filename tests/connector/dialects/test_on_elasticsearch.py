from collections.abc import Iterator

import httpx
import pytest

from tests.connector.dialects.contract import DialectContract, prepared


@pytest.fixture(scope="module")
def client(elasticsearch_url: str) -> Iterator[httpx.Client]:
    yield from prepared(elasticsearch_url)


class TestElasticsearch(DialectContract):
    pass
