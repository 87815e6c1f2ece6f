from collections.abc import AsyncIterator

import pytest

from connector.engines.base import Engine
from connector.engines.memory import MemoryEngine
from connector.engines.open import open_engine
from connector.settings import Engine as EngineSettings


@pytest.fixture
async def memory() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
async def opensearch(opensearch_url: str) -> AsyncIterator[Engine]:
    engine = await open_engine(EngineSettings(url=[opensearch_url]))
    yield engine
    await engine.close()


@pytest.fixture
async def elasticsearch(elasticsearch_url: str) -> AsyncIterator[Engine]:
    engine = await open_engine(EngineSettings(url=[elasticsearch_url]))
    yield engine
    await engine.close()


@pytest.fixture
async def elasticsearch_8(elasticsearch_8_url: str) -> AsyncIterator[Engine]:
    engine = await open_engine(EngineSettings(url=[elasticsearch_8_url]))
    yield engine
    await engine.close()
