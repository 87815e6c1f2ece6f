"""What each check says of a part that is well, that is wrong, and that is not there."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from connector.contract import Announcement
from connector.doctor import clock, indices, models, proxy, servers, workers
from connector.doctor import engine as engine_check
from connector.doctor.finding import Finding, Level
from connector.engines.base import Json
from connector.settings import Engine, Policy, Settings, parse
from tests.connector.stage import own_server, stub_worker

NOWHERE = "redis://127.0.0.1:9/0"
FIELDS = {
    "properties": {
        "name": {"type": "text", "fields": {"en": {"type": "text"}}},
        "maker": {"properties": {"name": {"type": "keyword"}}},
        "embedding": {"type": "knn_vector", "dimension": 384},
    }
}


def policy(**values: object) -> Policy:
    return Policy.model_validate({"name": "shop", "indices": ["shop"], "fields": ["name"], **values})


def settings(**values: object) -> Settings:
    given: dict[str, object] = {
        "redis": {"url": NOWHERE, "cache_key": "of the tests"},
        "broker": {"url": NOWHERE},
        "model": [{"name": "products-en", "source": "bundled:products-en"}],
        "policy": [{"name": "shop", "indices": ["shop"], "fields": ["name"], "vector_field": "embedding"}],
    }
    return parse(given | values)


def levels(found: list[Finding]) -> list[Level]:
    return [one.level for one in found]


def the(found: list[Finding], word: str) -> Finding:
    (one,) = [one for one in found if word in one.said]
    return one


@pytest.mark.parametrize(
    ("values", "level", "said"),
    [
        ({}, Level.OK, "1 indices have its fields: shop-1"),
        ({"fields": ["name.en", "maker.name"]}, Level.OK, "have its fields"),
        ({"fields": ["title", "name"]}, Level.WARNING, "shop-1 lacks title"),
        ({"fields": ["title", "brand"]}, Level.ERROR, "shop-1 has none of its fields (title, brand)"),
        ({"vector_field": "embedding"}, Level.OK, "have its fields"),
        ({"vector_field": "vector"}, Level.ERROR, "has no field vector"),
        ({"vector_field": "name"}, Level.ERROR, "name of shop-1 is text, not knn_vector"),
        ({"candidates": "fused"}, Level.ERROR, "names no vector_field"),
        ({"agreement": 1.0, "agreement_field": "kind"}, Level.ERROR, "has no field kind"),
        ({"agreement": 1.0, "agreement_field": "name"}, Level.OK, "have its fields"),
    ],
)
def test_policies_against_mappings(values: dict[str, object], level: Level, said: str) -> None:
    (finding,) = indices.check_policy(policy(**values), {"shop-1": FIELDS}, "opensearch", 384)
    assert (finding.level, finding.about) == (level, "policy shop")
    assert said in finding.said
    assert bool(finding.fix) is (level is not Level.OK)


def test_vectors_of_another_embedder() -> None:
    (finding,) = indices.check_policy(policy(vector_field="embedding"), {"shop-1": FIELDS}, "opensearch", 768)
    assert "holds 384 numbers a vector, the embedder makes 768" in finding.said
    assert "index them again" in finding.fix


DERIVED = {"properties": {"tag": {"type": "keyword"}}, "derived": {"name": {"type": "keyword"}}}
TRAINED = {"properties": FIELDS["properties"] | {"embedding": {"type": "knn_vector", "model_id": "ivf"}}}
UNTOLD = {"properties": {"embedding": {"type": "dense_vector"}}, "runtime": {"name": {"type": "keyword"}}}


@pytest.mark.parametrize(
    ("values", "mapping", "dialect"),
    [
        ({}, DERIVED, "opensearch"),
        ({"vector_field": "embedding"}, TRAINED, "opensearch"),
        ({"vector_field": "embedding"}, UNTOLD, "elasticsearch"),
    ],
)
def test_what_a_mapping_does_not_say_is_no_error(values: dict[str, object], mapping: Json, dialect: str) -> None:
    (finding,) = indices.check_policy(policy(**values), {"shop-1": mapping}, dialect, 384)
    assert finding.level is Level.OK, finding


def test_a_policy_for_no_index_and_no_policy_at_all() -> None:
    (finding,) = indices.check_policy(policy(), {}, "opensearch", None)
    assert (finding.level, "there is no index like shop" in finding.said) == (Level.WARNING, True)


async def test_mappings_are_read_from_the_engine(opensearch_url: str, unique_index: str) -> None:
    opened, said = await engine_check.check(Engine(url=[opensearch_url]))
    assert levels(said) == [Level.OK]
    assert opened is not None
    try:
        assert levels(await indices.check(opened, [], None)) == [Level.WARNING]
        await opened.create_index(unique_index, {"mappings": {"properties": {"name": {"type": "text"}}}})
        found = await indices.check(opened, [policy(indices=[f"{unique_index}*", "no-such-*"])], None)
        assert levels(found) == [Level.OK]
        vectors = {"name": {"type": "text"}, "embedding": {"type": "knn_vector", "dimension": 3}}
        await opened.create_index(f"{unique_index}-v", {"mappings": {"properties": vectors}})
        unbuilt = policy(indices=[f"{unique_index}-v"], vector_field="embedding")
        (finding,) = await indices.check(opened, [unbuilt], 3)
        assert (finding.level, "without index.knn = true" in finding.said) == (Level.ERROR, True)
        first, both = policy(indices=[f"{unique_index}-v*"]), f"{unique_index}*"
        rest = policy(name="rest", indices=[both], agreement=1.0, agreement_field="kind")
        found = await indices.check(opened, [first, rest], None)
        assert levels(found) == [Level.OK, Level.ERROR]
        assert f"{unique_index} has no field kind" in found[1].said
        found = await indices.check(
            opened, [policy(indices=[both]), policy(name="rest", indices=[f"*{unique_index}*"])], None
        )
        assert levels(found) == [Level.OK, Level.OK]
        found = await indices.check(opened, [policy(indices=[both]), rest], None)
        assert levels(found) == [Level.OK, Level.ERROR, Level.ERROR], "of the same indices: one that requests name"
    finally:
        await opened.close()
    assert levels(await clock.check(Engine(url=[opensearch_url]))) == [Level.OK]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://:::9200"])
async def test_an_engine_that_is_not_there(url: str) -> None:
    opened, (finding,) = await engine_check.check(Engine(url=[url]))
    assert opened is None
    assert finding.level is Level.ERROR
    assert f"start the engine at {url}" in finding.fix
    assert await clock.check(Engine(url=["http://127.0.0.1:9"])) == []


async def test_an_engine_that_is_not_there_shows_no_password() -> None:
    _, (finding,) = await engine_check.check(Engine(url=["http://me:s3cret@127.0.0.1:9"]))
    assert finding.fix.startswith("start the engine at http://127.0.0.1:9,")
    assert "s3cret" not in str(finding)


async def test_servers_and_their_memory() -> None:
    import redis

    with own_server() as server:
        client = redis.Redis.from_url(server.url)
        assert "no memory limit" in the(await servers.check_server("cache", "redis.url", server.url), "memory").said
        assert levels(await servers.check_server("broker", "broker.url", server.url)) == [Level.OK]
        client.config_set("maxmemory", "100mb")
        (finding,) = await servers.check_server("cache", "redis.url", server.url)
        assert (finding.level, "evicts nothing" in finding.said) == (Level.WARNING, True)
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert levels(await servers.check_server("cache", "redis.url", server.url)) == [Level.OK]
        (finding,) = await servers.check_server("broker", "broker.url", server.url)
        assert (finding.level, "may evict queued searches" in finding.said) == (Level.ERROR, True)
        one = settings(redis={"url": server.url}, broker={"url": server.url.replace("/0", "/1")})
        assert "one server" in the(await servers.check(one), "one server").said


@pytest.mark.parametrize(("version", "old"), [("8.0-rc1", False), ("6.2", False), ("6.0.16", True), ("", True)])
def test_versions_of_servers(version: str, old: bool) -> None:
    found = list(servers._memory("broker", {"redis_version": version}))
    assert (found[0].level is Level.ERROR) == old


async def test_servers_that_are_not_there_or_no_servers() -> None:
    found = await servers.check(settings())
    assert levels(found)[:2] == [Level.ERROR, Level.ERROR]
    assert "pages are not stable" in found[0].said
    assert "nothing is reranked" in found[1].said
    for url in ("memcached://here", "redis://:pass/word@here/0"):
        (finding,) = await servers.check_server("cache", "redis.url", url)
        assert (finding.fix, "'pass'" in finding.said) == ("correct redis.url", False)
        _, (finding,) = await workers.check(settings(redis={"url": url}))
        assert (finding.about, "'pass'" in finding.said) == ("workers", False)


def test_clocks_that_differ() -> None:
    assert list(servers.check_clock("engine", 1.0)) == []
    (ahead,), (behind,) = servers.check_clock("engine", 65.0), servers.check_clock("engine", -65.0)
    assert "65.0 s ahead of" in ahead.said
    assert "65.0 s behind" in behind.said


def worker(fingerprint: str, role: str = "score", model: str = "products-en") -> Announcement:
    return Announcement(fingerprint, role, model, fingerprint * 32, f"queue-{fingerprint}", "openvino", "bf16", 128)


def test_workers_that_a_policy_needs() -> None:
    found = workers.check_living(settings(), [])
    assert levels(found) == [Level.ERROR, Level.ERROR]
    assert "secondpass worker --role score --model products-en" in found[0].fix
    assert "secondpass worker --role embed" in found[1].fix
    found = workers.check_living(settings(), [worker("a"), worker("a"), worker("e", "embed", "default")])
    assert levels(found) == [Level.OK, Level.OK]
    assert "2 alive, openvino bf16, 128 tokens, fingerprint aaaaaaaaaaaa" in found[0].said
    made_for = replace(worker("a"), max_query_chars=60, calibration={"slope": 1.0, "intercept": 0.0})
    (finding, _) = workers.check_living(settings(), [made_for, worker("e", "embed", "default")])
    assert "128 tokens, queries of up to 60 characters, calibrated, fingerprint aaaaaaaaaaaa" in finding.said
    found = workers.check_living(settings(), [worker("a"), worker("b"), worker("e", "embed", "default")])
    assert levels(found) == [Level.WARNING, Level.OK]
    assert "2 fingerprints at once" in found[0].said


def test_a_model_that_no_policy_names_is_served_by_the_rerank_api() -> None:
    both = [{"name": name, "source": "stub"} for name in ("products-en", "spare")]
    alive = [worker("a"), worker("e", "embed", "default")]
    found = workers.check_living(settings(model=both), alive)
    assert levels(found) == [Level.OK, Level.OK, Level.WARNING]
    assert "the rerank API cannot score with it" in found[2].said
    found = workers.check_living(settings(model=both), [*alive, worker("s", model="spare")])
    assert levels(found) == [Level.OK, Level.OK, Level.OK]
    assert len(models.check(settings(model=both))) == 2
    off = settings(model=both, rerank_api={"enabled": False})
    assert levels(workers.check_living(off, alive)) == [Level.OK, Level.OK]
    assert len(models.check(off)) == 1


async def test_living_workers_and_their_queues(broker_url: str, valkey_url: str) -> None:
    import redis

    name = "model-doctor"
    one = settings(
        redis={"url": valkey_url},
        broker={"url": broker_url},
        model=[{"name": name, "source": "stub"}],
        policy=[{"name": "shop", "indices": ["shop"], "fields": ["name"], "model": name}],
    )
    with stub_worker(broker_url, broker_url, name) as child, redis.Redis.from_url(broker_url) as client:
        limit = time.monotonic() + 120
        while not any(each.model == name for each in await workers.living(one)):  # a test before has left some, dying
            assert time.monotonic() < limit
        alive, found = await workers.check(one)
        mine = [each for each in alive if each.model == name]
        assert len(mine) == 1
        assert levels(found) == [Level.OK, Level.OK]
        child.freeze()  # what is put there stays, but for the one it already waits for; it lives on for three seconds
        client.rpush(mine[0].queue, *(["task"] * 10))
        try:
            _, found = await workers.check(one)
            assert levels(found) == [Level.OK, Level.WARNING]
            assert "tasks wait in" in found[1].said
        finally:
            client.delete(mine[0].queue)


async def test_a_rabbitmq_that_lets_nobody_in_is_a_finding(rabbitmq_url: str) -> None:
    assert servers.check_amqp(rabbitmq_url).level is Level.OK
    stranger = re.sub("//[^@]*@", "//nobody:s3cret@", rabbitmq_url)
    for url in (stranger, "amqp://guest:s3cret@127.0.0.1:1//"):
        found = servers.check_amqp(url)
        assert (found.level, "s3cret" in str(found)) == (Level.ERROR, False)
        with pytest.raises(OSError, match=r"(?i)refused"):
            await workers._lengths(url, ["doctor-a"])


async def test_a_queue_on_rabbitmq_that_nobody_made_is_empty(rabbitmq_url: str) -> None:
    assert await workers._lengths(rabbitmq_url, ["doctor-a", "doctor-b"]) == {"doctor-a": 0, "doctor-b": 0}


async def test_no_server_for_announcements() -> None:
    alive, (finding,) = await workers.check(settings())
    assert alive == []
    assert "announcements cannot be read" in finding.said


def write_model(folder: Path, size: int = 8, claimed: int = 8) -> Path:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, claimed]}}).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * size)
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def test_the_bundled_model_is_the_one_that_was_released() -> None:
    (finding,) = models.check(settings())
    assert (finding.level, finding.about) == (Level.OK, "model products-en")
    assert "files have their hashes" in finding.said


def test_files_of_a_model(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole")
    assert models.check_folder("model m", whole).level is Level.OK
    cut = models.check_folder("model m", write_model(tmp_path / "cut", size=5))
    assert (cut.level, "model.safetensors is cut short" in cut.said) == (Level.ERROR, True)
    for damaged in (b"[]", b'{"w": 1}'):
        (tmp_path / "cut" / "model.safetensors").write_bytes(len(damaged).to_bytes(8, "little") + damaged)
        assert "no safetensors file" in models.check_folder("model m", tmp_path / "cut").said
    (whole / "secondpass.json").write_text(json.dumps({"sha256": {"config.json": "0" * 64}}))
    changed = models.check_folder("model m", whole)
    assert "not the files that were released: config.json" in changed.said
    for damaged in ('{"sha256": {', "[]", '{"sha256": [1]}', "\xff"):
        (whole / "secondpass.json").write_text(damaged, encoding="latin-1")
        found = models.check_folder("model m", whole)
        assert (found.level, "secondpass.json is damaged" in found.said) == (Level.ERROR, True)
    (whole / "tokenizer.json").unlink()
    assert "lacks tokenizer.json" in models.check_folder("model m", whole).said


@pytest.mark.parametrize(
    ("source", "level", "said"),
    [
        ("./nowhere", Level.ERROR, "is no folder"),
        ("bundled:nothing", Level.ERROR, "is no folder"),
        ("owner/name", Level.WARNING, "has no revision"),
        ("stub", Level.OK, "not on this machine"),
    ],
)
def test_sources(source: str, level: Level, said: str) -> None:
    (finding,) = models.check(settings(model=[{"name": "products-en", "source": source}]))
    assert (finding.level, said in finding.said) == (level, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://:::9280"])
async def test_a_proxy_that_is_not_there(url: str) -> None:
    (finding,) = await proxy.check(url)
    assert (finding.level, "secondpass proxy" in finding.fix) == (Level.WARNING, True)
