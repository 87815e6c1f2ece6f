import pytest

from tests.connector.dialects.contract import DialectContract


class TestElasticsearch(DialectContract):
    @pytest.fixture(scope="class")
    def url(self, elasticsearch_url: str) -> str:
        return elasticsearch_url
