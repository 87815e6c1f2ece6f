from collections.abc import Iterator

import httpx
import pytest

from tests.connector.dialects.contract import DialectContract, prepared


@pytest.fixture(scope="module")
def client(opensearch_url: str) -> Iterator[httpx.Client]:
    yield from prepared(opensearch_url)


class TestOpenSearch(DialectContract):
    pass
