import pytest

from connector.engines.base import Engine
from tests.connector.engines.contract import EngineContract


@pytest.mark.slow
class TestElasticsearch8(EngineContract):
    @pytest.fixture
    def engine(self, elasticsearch_8: Engine) -> Engine:
        return elasticsearch_8
