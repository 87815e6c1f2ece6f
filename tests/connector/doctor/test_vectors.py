"""Whether an index's vectors are the embedder's, on both engines; `tests/e2e` asks a real worker."""

from collections.abc import AsyncIterator, Sequence

import orjson
import pytest

from connector.doctor.finding import Level
from connector.doctor.vectors import LEAST_DOCUMENTS, check_policy
from connector.engines.base import Operation
from connector.engines.http import HttpEngine
from connector.engines.open import open_engine
from connector.errors import RerankError
from connector.settings import Engine, Policy
from connector.types import Reason
from mappings.render import render
from workers.embedder import StubEmbedder

STUB = StubEmbedder()
KINDS = (
    "kettle",
    "rain jacket",
    "garden hose",
    "head torch",
    "desk lamp",
    "tent",
    "cheese grater",
    "cap",
    "mug",
    "saw",
)
MARKS = ("steel", "wooden", "folding", "large", "quiet", "waterproof", "cordless", "vintage", "black", "red", "spare")
NAMES = [f"{mark} {kind}" for kind in KINDS for mark in MARKS]


async def right(texts: Sequence[str]) -> list[list[float]]:
    found: list[list[float]] = STUB.embed("document", texts).tolist()
    return found


async def wrong(texts: Sequence[str]) -> list[list[float]]:
    """As wide, and of another space."""
    return [vector[32:] + vector[:32] for vector in await right(texts)]


async def narrow(texts: Sequence[str]) -> list[list[float]]:
    return [vector[:3] for vector in await right(texts)]


async def absent(texts: Sequence[str]) -> list[list[float]]:
    raise RerankError(Reason.NO_WORKER)


@pytest.fixture(params=["opensearch_url", "elasticsearch_url"])
async def engine(request: pytest.FixtureRequest, unique_index: str) -> AsyncIterator[tuple[HttpEngine, str]]:
    """An engine with an index of 110 products, and its name."""
    opened = await open_engine(Engine(url=[request.getfixturevalue(request.param)]))
    assert isinstance(opened, HttpEngine)
    body = render("documents", opened.dialect.name, dims=STUB.info.dims, analyzers=())
    await opened.create_index(unique_index, body)
    vectors = await right(NAMES)
    rows = [orjson.dumps({"title": name, "embedding": vector}) for name, vector in zip(NAMES, vectors, strict=True)]
    items = await opened.bulk([Operation(unique_index, str(n), row) for n, row in enumerate(rows)])
    assert all(item.ok for item in items)
    await opened.request("POST", f"/{unique_index}/_refresh")
    yield opened, unique_index
    await opened.request("DELETE", f"/{unique_index}")
    await opened.close()


def policy(index: str, field: str = "title") -> Policy:
    return Policy(name="shop", indices=[index], fields=[field], vector_field="embedding")


async def test_a_document_embedded_again_lies_near_itself(engine: tuple[HttpEngine, str]) -> None:
    found = await check_policy(engine[0], policy(engine[1]), right)
    assert found is not None
    assert (found.level, "32 documents embedded again, 32 are" in found.said) == (Level.OK, True)


async def test_vectors_of_another_model_are_a_warning_with_the_next_step(engine: tuple[HttpEngine, str]) -> None:
    found = await check_policy(engine[0], policy(engine[1]), wrong)
    assert found is not None
    assert (found.level, "embedding holds another model's vectors" in found.said) == (Level.WARNING, True)
    assert "set [embedder] to the model" in found.fix


async def test_nothing_is_said_where_there_is_too_little_to_tell(engine: tuple[HttpEngine, str]) -> None:
    opened, index = engine
    assert await check_policy(opened, policy(index), narrow) is None, "the check of the mappings says so"
    assert await check_policy(opened, policy(index), absent) is None, "the check of the workers does"
    assert await check_policy(opened, policy(index, "nothing"), right) is None
    assert await check_policy(opened, policy("there-is-no-such-index"), right) is None
    few = len(NAMES) - LEAST_DOCUMENTS + 1
    await opened.bulk([Operation(index, str(n), action="delete") for n in range(few)])
    await opened.request("POST", f"/{index}/_refresh")
    assert await check_policy(opened, policy(index), wrong) is None
