import pytest

from connector.engines.base import Engine
from tests.connector.engines.contract import EngineContract


class TestElasticsearch(EngineContract):
    @pytest.fixture
    def engine(self, elasticsearch: Engine) -> Engine:
        return elasticsearch
