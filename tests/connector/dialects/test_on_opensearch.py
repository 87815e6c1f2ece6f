import pytest

from tests.connector.dialects.contract import DialectContract


class TestOpenSearch(DialectContract):
    @pytest.fixture(scope="class")
    def url(self, opensearch_url: str) -> str:
        return opensearch_url
