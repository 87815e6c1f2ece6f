"""The rerank API over a real queue and cache, with made-up scores."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connector.calibration import sigmoid
from connector.rerank_api.service import RerankApi
from connector.settings import Settings
from connector.types import Call, Reply
from tests.connector.stage import make_settings, opened, stub_worker
from tests.stub_worker import score

MODEL = "model-api"


@pytest.fixture(scope="module")
def settings(broker_url: str, valkey_url: str) -> Iterator[Settings]:
    settings = make_settings(broker_url, valkey_url, MODEL)
    with stub_worker(broker_url, broker_url, MODEL):
        yield settings


async def reply(settings: Settings, path: str, body: object, *headers: tuple[bytes, bytes]) -> Reply:
    async with opened(settings, "score") as services:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return (await RerankApi(settings, services.rerank)(Call("POST", path.encode(), headers, raw))).reply


async def ask(settings: Settings, path: str, body: object, *headers: tuple[bytes, bytes]) -> tuple[int, Any]:
    found = await reply(settings, path, body, *headers)
    return found.status, orjson.loads(found.body)


async def test_scores_are_the_model_s_and_the_second_time_cached(settings: Settings) -> None:
    body = {"query": "api query", "documents": ["one", "two", "three"]}
    status, found = await ask(settings, "/v1/rerank", body)
    assert status == 200
    wanted = {place: sigmoid(score("api query", text)) for place, text in enumerate(["one", "two", "three"])}
    assert {row["index"]: row["relevance_score"] for row in found["results"]} == pytest.approx(wanted, abs=1e-9)
    assert found["meta"]["secondpass"]["cached"] == 0
    _, again = await ask(settings, "/v2/rerank", body)
    assert again["meta"]["secondpass"]["cached"] == 3
    assert [row["index"] for row in again["results"]] == [row["index"] for row in found["results"]]


async def test_the_shape_follows_path_and_body(settings: Settings) -> None:
    assert isinstance((await ask(settings, "/rerank", {"query": "q", "texts": ["a"]}))[1], list)
    assert "results" in (await ask(settings, "/rerank", {"query": "q", "documents": ["a"]}))[1]
    pairs = {"text_1": ["p", "q"], "text_2": ["a", "b"]}
    _, found = await ask(settings, "/score", pairs | {"use_activation": False})
    assert [row["score"] for row in found["data"]] == pytest.approx([score("p", "a"), score("q", "b")], abs=1e-6)


async def test_a_text_that_cannot_be_read_is_the_least(settings: Settings) -> None:
    status, found = await ask(settings, "/v1/rerank", {"query": "q", "documents": ["poison", "fine", ""]})
    assert status == 200
    by_place = {row["index"]: row["relevance_score"] for row in found["results"]}
    assert by_place[0] == by_place[2] == 0.0
    assert by_place[1] > 0
    assert found["results"][0]["index"] == 1


async def test_wrong_requests_are_refused_with_the_next_step(settings: Settings) -> None:
    assert (await ask(settings, "/v1/rerank", b"{"))[0] == 400
    status, said = await ask(settings, "/v1/rerank", {"query": "q", "documents": ["a"], "model": "gpt"})
    assert (status, MODEL in said["message"]) == (404, True)
    assert (await ask(settings, "/rerank", {"query": "q", "texts": [1]}))[0] == 422
    status, said = await ask(settings, "/rerank", {"query": "q", "texts": None})
    assert (status, said["error_type"]) == (422, "Validation")
    assert "message" in (await ask(settings, "/rerank", b'{"query": "q", "documents": [{"texts": "cut'))[1]
    assert "message" in (await ask(settings, "/rerank", {"query": "q", "documents": 1, "texts": ["a"]}))[1]
    assert "error_type" in (await ask(settings, "/rerank", b'{"query": "q", "texts": ["cut'))[1]
    status, said = await ask(settings, "/rerank", {"query": "q", "texts": ["a"], "model": "gpt"})
    assert (status, MODEL in said["error"]) == (404, True)
    assert (await ask(settings, "/predict", {"inputs": ["q", "a"], "model": "gpt"}))[0] == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/rerank", {"query": "q", "documents": ["a"]}),
        ("/rerank", {"query": "q", "texts": ["a"]}),
        ("/score", {"text_1": "q", "text_2": "a"}),
        ("/predict", {"inputs": ["q", "a"]}),
    ],
)
async def test_every_answer_says_what_its_scores_are(settings: Settings, path: str, body: dict[str, object]) -> None:
    logits = settings.model[0].model_copy(update={"activation": "identity"})
    of_logits = settings.model_copy(update={"model": [logits]})
    raw = {"use_activation": False} if path == "/score" else {"raw_scores": True}
    for used, sent, said in (
        (settings, body, "sigmoid"),
        (of_logits, body, "identity"),
        (settings, body | raw, "identity"),
    ):
        found = await reply(used, path, sent)
        assert dict(found.headers)[b"Secondpass-Activation"] == said.encode()
        if path in ("/v1/rerank", "/score"):
            assert orjson.loads(found.body)["meta"]["secondpass"]["activation"] == said


async def test_the_label_is_the_one_that_ranks(settings: Settings) -> None:
    labelled = settings.model_copy(update={"model": [settings.model[0].model_copy(update={"label": "entailment"})]})
    found = (await ask(labelled, "/predict", {"inputs": ["q", "a"], "model": MODEL}))[1]
    assert found[0]["label"] == "entailment"


async def test_keys_are_asked_for_where_there_are_some(settings: Settings) -> None:
    locked = settings.model_copy(update={"rerank_api": settings.rerank_api.model_copy(update={"keys": ["secret"]})})
    body = {"query": "q", "documents": ["a"]}
    assert (await ask(locked, "/v1/rerank", body))[0] == 401
    assert (await ask(locked, "/v1/rerank", body, (b"Authorization", b"Bearer wrong")))[0] == 401
    assert (await ask(locked, "/v1/rerank", body, (b"authorization", b"bearer secret")))[0] == 200
    for value in (b"Basic secret", b"secret"):
        assert (await ask(locked, "/v1/rerank", body, (b"Authorization", value)))[0] == 401
    status, said = await ask(locked, "/rerank", {"query": "q", "texts": ["a"]})
    assert (status, said["error_type"]) == (401, "Validation")
    assert "message" in (await ask(locked, "/rerank", {"query": "texts", "documents": ["texts of"]}))[1]


async def test_without_a_worker_it_says_which_to_start(broker_url: str, valkey_url: str) -> None:
    alone = make_settings(broker_url, valkey_url, "model-nobody")
    async with opened(alone) as services:
        call = Call("POST", b"/v1/rerank", (), orjson.dumps({"query": "q", "documents": ["a"]}))
        reply = (await RerankApi(alone, services.rerank)(call)).reply
    assert reply.status == 503
    assert b"secondpass worker --model model-nobody" in reply.body
