"""`secondpass up` as a user runs it: it serves, says what is wrong, and leaves nothing whichever way it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from connector.errors import PartFailed
from connector.local import stack
from connector.local.processes import taken
from connector.local.runs import locked, run_folder
from connector.local.stack import Wish, running
from tests.services import port_row

SETTINGS = """
[[model]]
name = "words"
source = "stub"
[embedder]
source = "stub"
[[policy]]
name = "all"
indices = ["*"]
fields = ["name"]
model = "words"
"""
START_S = 150


@pytest.fixture
def port() -> int:
    return port_row()


class Up:
    """A `secondpass up` in front of a given engine."""

    def __init__(self, folder: Path, engine_url: str, port: int) -> None:
        (folder / "secondpass.toml").write_text(SETTINGS)
        self.port, self.log = port, folder / "up.log"
        command = [sys.executable, "-m", "connector.cli.main", "up", "--engine-url", engine_url, "--port", str(port)]
        environment = os.environ | {"SECONDPASS_CACHE": str(folder / "cache"), "COLUMNS": "200"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stderr=log, env=environment)

    def wait(self) -> None:
        """Until it says that it is up."""
        deadline = time.monotonic() + START_S
        while "Stop with Ctrl-C" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        return self.log.read_text()

    def children(self) -> dict[int, str]:
        """Its child processes with their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found

    def leaves_nothing(self, children: dict[int, str]) -> None:
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [line for pid, line in children.items() if Path(f"/proc/{pid}").exists()] == []
        assert not [port for port in range(self.port, self.port + 5) if taken(port)]


@pytest.fixture
def up(tmp_path: Path, opensearch_url: str, port: int) -> Iterator[Up]:
    started = Up(tmp_path, opensearch_url, port)
    try:
        started.wait()
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def test_it_serves_and_ends_with_sigterm(up: Up) -> None:
    url = f"http://127.0.0.1:{up.port}"
    index = f"up-{up.port}"
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for name in ("rain jacket cover", "jacket for heavy rain", "rain jacket"):
            client.post(f"/{index}/_doc?refresh=true", json={"name": name}).raise_for_status()
        body = {"query": {"match": {"name": "rain jacket"}}}
        reply = client.post(f"/{index}/_search", json=body, headers={"Secondpass": "on, budget=1000"})
        client.delete(f"/{index}")
    assert reply.headers["Secondpass-Rerank"].startswith("applied;scored=3")
    children = up.children()
    assert len(children) == 6, children  # watcher, cache, broker, score worker, embed worker, proxy
    up.process.terminate()
    assert up.process.wait(60) == 143
    up.leaves_nothing(children)
    assert not list((up.log.parent / "cache").glob("runs/*"))


def test_what_searches_live_without_is_started_again(up: Up) -> None:
    """The promise that search never dies with the reranker holds in `up`, too: the proxy goes on meanwhile."""
    before = up.children()
    gone = [pid for pid, line in before.items() if "--role score" in line or "valkey-server" in line]
    assert len(gone) == 3
    for pid in gone:
        os.kill(pid, signal.SIGKILL)
    with httpx.Client(base_url=f"http://127.0.0.1:{up.port}", timeout=30, trust_env=False) as client:
        assert client.get("/").status_code == 200
        deadline = time.monotonic() + 120
        while client.get("/_secondpass/ready?rerank=true").status_code != 200:
            assert time.monotonic() < deadline, up.said()
            time.sleep(0.2)
    for name in ("cache", "broker", "score worker words"):
        assert re.search(rf"{name} ended \(signal SIGKILL\) and is started again\. Its log: \S+", up.said()), up.said()
    children = up.children()
    assert len(children) == len(before)
    up.process.terminate()
    assert up.process.wait(60) == 143
    up.leaves_nothing(before | children)


def test_a_proxy_that_dies_ends_it_with_its_name_and_log(up: Up) -> None:
    children = up.children()
    os.kill(next(pid for pid, line in children.items() if line.rstrip().endswith(" proxy")), signal.SIGKILL)
    assert up.process.wait(60) == 1
    up.leaves_nothing(children)
    found = re.search(r"proxy ended \(signal SIGKILL\). Its log: (\S+)", up.said())
    assert found, up.said()
    assert Path(found[1]).exists()
    assert "Traceback" not in up.said()


def test_kill_9_leaves_nothing(up: Up) -> None:
    children = up.children()
    up.process.kill()
    up.process.wait()
    up.leaves_nothing(children)


def test_a_taken_port_is_named_before_anything_starts(
    port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECONDPASS_CACHE", str(tmp_path))
    monkeypatch.setattr(stack, "taken", lambda one: one == port + 3)
    with pytest.raises(PartFailed, match=rf"port {port + 3} of 127.0.0.1 is taken; .* choose others with --port"):
        enter(Wish(port=port))


def test_two_stacks_do_not_share_data(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with locked(folder, None), pytest.raises(PartFailed, match="in use by another stack"):
        locked(folder, None).__enter__()


def test_an_elasticsearch_without_a_jdk_says_what_to_do(
    port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECONDPASS_CACHE", str(tmp_path))
    monkeypatch.setattr("connector.local.java._USUAL", ())
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PartFailed, match="Elasticsearch needs a JDK 21 or newer"):
        enter(Wish(name=f"test-{port}", engine="elasticsearch", port=port))  # data of its own: `up` may be running
    assert not any(map(taken, range(port, port + 5)))


def test_of_failed_runs_the_newest_stay(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number in range(8):
        (runs / f"up-99999{number}").mkdir(parents=True)
        os.utime(runs / f"up-99999{number}", (number, number))
    (runs / f"up-{os.getppid()}").mkdir()
    os.utime(runs / f"up-{os.getppid()}", (0, 0))  # the oldest, but it runs
    made = run_folder(tmp_path, "up")
    kept = {folder.name for folder in runs.iterdir()}
    assert kept == {made.name, f"up-{os.getppid()}", *(f"up-99999{number}" for number in range(3, 8))}


def enter(wish: Wish) -> None:
    with running(wish, Console(quiet=True)):
        pass
