import pytest

from connector.engines.base import Engine
from tests.connector.engines.contract import EngineContract


class TestMemory(EngineContract):
    @pytest.fixture
    def engine(self, memory: Engine) -> Engine:
        return memory
