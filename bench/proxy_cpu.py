"""CPU of the proxy for a reranked `_search` of 100 hits, all scores cached, against opensearch-py's async `.search()`.

    python -m bench.proxy_cpu --engine-url http://127.0.0.1:9200 [--rounds 5] [--searches 200] [--out FILE]

The same searches in turn: through a proxy by a client of bare sockets, and straight by opensearch-py, which parses what
it gets. What counts is the CPU time of the process alone (user and system): the proxy's, and the client's. Two Valkey
servers, a worker with made-up scores and the proxies are started here; the index is made and deleted here.

Three ways, each with its own proxy. "kept order": the same caller asks again within `page_ttl_s`. "another caller":
no order is kept for who asks. "new search": a parameter that changes nothing makes each search one that the process has
never seen, so that all is read and arranged anew; the scores are cached all the same.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.record import record
from connector.local.processes import free_port
from connector.local.valkey import pong, program

INDEX = "bench-proxy-cpu"
WINDOW = 100
WORDS = [
    *["rain", "jacket", "tent", "lamp", "warm", "light", "dry", "red", "blue", "hood", "steel"],
    *["small", "wool", "trail", "down", "sole", "cup", "rope"],
]
CACHED = f"applied;scored={WINDOW};cached={WINDOW}"  # what every measured answer must say
CLIENTS = 4  # searches at a time, as an application server keeps them

SETTINGS = """
[engine]
url = ["{engine}"]
[redis]
url = "redis://127.0.0.1:{cache}/0"
cache_key = "of the bench"
page_ttl_s = 600
[broker]
url = "redis://127.0.0.1:{broker}/0"
[[model]]
name = "stub"
source = "stub"
[[policy]]
name = "bench"
indices = ["{index}"]
fields = ["name", "text"]
model = "stub"
window = {window}
budget_ms = 600000
"""


def queries() -> list[bytes]:
    """Twenty searches of 100 hits each."""
    pick = random.Random(7)
    return [
        json.dumps({"size": WINDOW, "query": {"match": {"name": " ".join(pick.sample(WORDS, 3))}}}).encode()
        for _ in range(20)
    ]


def load(engine: str) -> None:
    """600 documents of about 1 KB."""
    pick = random.Random(1)
    lines = []
    for number in range(600):
        name, text = " ".join(pick.choices(WORDS, k=6)), " ".join(pick.choices(WORDS, k=150))
        document = {"name": name, "text": text, "brand": pick.choice(WORDS), "price": round(pick.uniform(1, 200), 2)}
        lines += [json.dumps({"index": {"_id": str(number)}}), json.dumps(document)]
    definition = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
    send("PUT", f"{engine}/{INDEX}", json.dumps(definition).encode())
    send("POST", f"{engine}/{INDEX}/_bulk?refresh=true", "\n".join([*lines, ""]).encode())


def send(method: str, url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as reply:
        return bytes(reply.read())


SERIAL = itertools.count()
WAYS: dict[str, tuple[str, str]] = {  # what a search adds to the target and to the head, with a number of its own
    "kept order": ("", ""),
    "another caller": ("", "X-Caller: {}\r\n"),
    "new search": ("?preference=a{}", ""),
}


async def ask(port: int, bodies: list[bytes], count: int, way: str = "kept order") -> set[str]:
    """Send `count` searches over CLIENTS connections; returns the outcomes that the answers named."""
    said: set[str] = set()
    turns = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in turns:
            body = bodies[turn % len(bodies)]
            target, field = (part.format(next(SERIAL)) for part in WAYS[way])
            head = f"POST /{INDEX}/_search{target} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}{field}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            fields = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(fields.partition("content-length: ")[2].partition("\r")[0]))
            outcome = fields.partition("secondpass-rerank: ")[2].partition("\r")[0].split(";")
            said.add(";".join(outcome[:3]))
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return said


def cpu(pid: int) -> float:
    """Seconds of CPU of a process, over all its threads. In nanoseconds where the kernel counts them (schedstat)."""
    return (
        sum(int(Path(task, "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
    )


async def search_straight(engine: str, bodies: list[bytes]) -> None:
    """The other side, in a process of its own: does as many searches as each line of stdin says, answers its CPU."""
    from opensearchpy import AsyncOpenSearch

    asked = [json.loads(body) for body in bodies]
    client = AsyncOpenSearch(engine, timeout=120)
    for line in sys.stdin:
        turns = iter(range(int(line)))

        async def some(turns: Iterator[int] = turns) -> None:
            for turn in turns:
                answer = await client.search(index=INDEX, body=asked[turn % len(asked)])
                assert len(answer["hits"]["hits"]) == WINDOW

        began = time.process_time()
        await asyncio.gather(*(some() for _ in range(CLIENTS)))
        print(time.process_time() - began, flush=True)
    await client.close()


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Runs until the end of the block."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen(command, text=True, env=os.environ | environment, **streams)  # type: ignore[call-overload]
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def wait(done: Any, limit_s: float = 400) -> None:
    end = time.monotonic() + limit_s
    while True:
        try:
            if done():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("a part of the bench did not start")
        time.sleep(0.1)


def measure(engine: str, rounds: int, searches: int) -> dict[str, Any]:
    """Milliseconds of CPU a search on each way, by round, and their ratio."""
    bodies = queries()
    with ExitStack() as stack:
        cache, broker = free_port(), free_port()
        for port in (cache, broker):
            stack.enter_context(process(str(program()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""))
            wait(lambda port=port: pong(port))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        known = {"engine": engine, "cache": cache, "broker": broker, "index": INDEX, "window": WINDOW}
        config = folder / "secondpass.toml"
        config.write_text(SETTINGS.format(**known))
        command = [sys.executable, "-m", "connector.cli.main"]
        stack.enter_context(process(*command, "worker", "--model", "stub", SECONDPASS_CONFIG=str(config)))
        ways: dict[str, tuple[int, int]] = {}
        for name in WAYS:
            port = free_port()
            proxy = stack.enter_context(process(*command, "proxy", "--config", str(config), "--port", str(port)))
            ways[name] = (port, proxy.pid)
        for name, (port, _) in ways.items():
            wait(lambda port=port: send("GET", f"http://127.0.0.1:{port}/_secondpass/ready?rerank=true"))
            while asyncio.run(ask(port, bodies, len(bodies), name)) != {CACHED}:
                pass  # the cache is being filled
        client = stack.enter_context(process(sys.executable, "-m", "bench.proxy_cpu", "--client", engine))
        assert client.stdin is not None
        assert client.stdout is not None
        found: dict[str, list[float]] = {name: [] for name in (*ways, "opensearch-py")}
        for turn in range(rounds + 1):
            for name, (port, pid) in ways.items():
                before = cpu(pid)
                said = asyncio.run(ask(port, bodies, searches, name))
                spent = cpu(pid) - before
                assert said == {CACHED}, said
                found[name].append(spent)
            client.stdin.write(f"{searches}\n")
            client.stdin.flush()
            found["opensearch-py"].append(float(client.stdout.readline()))
            if not turn:  # imports, first connections
                found = {name: [] for name in found}
    ours = {name: [1000 * each / searches for each in spent] for name, spent in found.items()}
    return {
        "hits": WINDOW,
        "searches_a_round": searches,
        "answer_bytes": len(send("POST", f"{engine}/{INDEX}/_search", bodies[0])),
        "cpu_ms_a_search": {name: round(statistics.median(each), 3) for name, each in ours.items()},
        "by_round": {name: [round(one, 3) for one in each] for name, each in ours.items()},
        "of_opensearch_py": {
            name: round(statistics.median(a / b for a, b in zip(ours[name], ours["opensearch-py"], strict=True)), 3)
            for name in ways
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine-url", default="http://127.0.0.1:9200")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--client", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.client:
        asyncio.run(search_straight(options.client, queries()))
        return
    load(options.engine_url)
    try:
        record("proxy-cpu", measure(options.engine_url, options.rounds, options.searches), options.out)
    finally:
        send("DELETE", f"{options.engine_url}/{INDEX}")


if __name__ == "__main__":
    main()
