import pytest

from connector.engines.base import Engine
from tests.connector.engines.contract import EngineContract


class TestOpenSearch(EngineContract):
    @pytest.fixture
    def engine(self, opensearch: Engine) -> Engine:
        return opensearch
