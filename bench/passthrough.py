"""Pass-through: throughput and latency straight, through the proxy and through nginx, interleaved in one run.

    python -m bench.passthrough [--seconds 3] [--rounds 3] [--out bench/results/passthrough.json]

One core each: whatever is measured is pinned to the first core; load and upstream share the second. A slow load
generator would flatter the slower proxy, so beside requests a second of wall clock stands what matters: requests a
second of the measured process's own CPU time, which is what one busy core does. nginx (`proxy_pass`, keep-alive, one
worker) takes part where it is found: on PATH or as $NGINX_BIN.
"""

import argparse
import asyncio
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.record import record

CLIENTS = 16
SIZES = {"1k": 1024, "100k": 100 * 1024}
TICK = os.sysconf("SC_CLK_TCK")

NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_buffer_size 256k;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream engine {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 100000000; location / {{
    proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""


class Upstream(asyncio.Protocol):
    """Answers GET with as many bytes as its path says, and POST with one when its body has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._buffer = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = int(head.partition(b"ontent-Length: ")[2].partition(b"\r")[0] or 0)
            if len(self._buffer) < end + 4 + size:
                return
            self._buffer = self._buffer[end + 4 + size :]
            body = b"x" if size else b"x" * SIZES[head.split()[1][1:].decode()]
            start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\ncontent-length: %d\r\n\r\n"
            self._transport.write(start % len(body) + body)


class Client(asyncio.Protocol):
    """Asks again as soon as it is answered, until told to stop."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self.times: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._left, self._began = -1, time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            head, _, data = data.partition(b"\r\n\r\n")
            self._left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        self._left -= len(data)
        if self._left == 0:
            now = time.perf_counter()
            self.times.append(now - self._began)
            if now < self._until:
                self._ask()
            else:
                self._transport.close()
                self.done.set_result(None)


async def _load(port: int, request: bytes, clients: int, seconds: float) -> list[float]:
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    made = [
        (await loop.create_connection(lambda: Client(request, until), "127.0.0.1", port))[1] for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for client in made))
    return [each for client in made for each in client.times]


def _serve_upstream(port: int) -> None:
    async def serve() -> None:
        await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
        await asyncio.Event().wait()

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    uvloop.run(serve())


def _serve_proxy(port: int, upstream: int) -> None:
    from connector.dialects.controls import render_outcomes
    from connector.proxy.known import KnownEngine
    from connector.proxy.serve import open_upstream, serve
    from connector.settings import parse
    from connector.types import Answer, Call

    settings = parse({"engine": {"url": [f"http://127.0.0.1:{upstream}"]}, "proxy": {"port": port}})

    async def search(call: Call, names: tuple[str, ...]) -> Answer:
        raise AssertionError("nothing is under a policy here")

    async def find_missing() -> list[str]:
        return []

    async def run() -> None:
        engine = KnownEngine(settings.engine)
        await serve(
            settings,
            open_upstream(settings),
            search=search,
            matches=lambda names: False,
            render_outcomes=render_outcomes,
            dialect=engine.dialect,
            find_engine=engine.find,
            find_missing=find_missing,
        )

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    uvloop.run(run())


@contextmanager
def _process(target: Callable[..., None], *args: int) -> Iterator[int]:
    process = multiprocessing.get_context("spawn").Process(target=target, args=args, daemon=True)
    process.start()
    _wait(args[0])
    try:
        yield cast(int, process.pid)
    finally:
        process.terminate()
        process.join()


@contextmanager
def _nginx(binary: str, port: int, upstream: int) -> Iterator[int]:
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
        command = [binary, "-e", "stderr", "-p", folder, "-c", str(config)]
        process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        try:
            _wait(port)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield int(children[0])
        finally:
            process.terminate()
            process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > end:
            raise TimeoutError(f"nothing listens on {port}")
        time.sleep(0.05)


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@dataclass
class Row:
    """One way for one kind of request, over all rounds."""

    requests: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    alone: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "requests_per_s": round(self.requests / self.wall),
            "requests_per_cpu_s": round(self.requests / self.cpu) if self.cpu else None,
            "p50_ms_one_client": round(statistics.median(self.alone) * 1000, 3),
            "p99_ms_one_client": round(statistics.quantiles(self.alone, n=100)[98] * 1000, 3),
            f"p50_ms_{CLIENTS}_clients": round(statistics.median(self.loaded) * 1000, 3),
            f"p99_ms_{CLIENTS}_clients": round(statistics.quantiles(self.loaded, n=100)[98] * 1000, 3),
        }


def measure(ways: dict[str, tuple[int, int]], seconds: float, rounds: int) -> dict[str, dict[str, Any]]:
    """`ways`: port and process of each. Returns figures by kind of request and way, with the ratios to nginx."""
    fields = b" HTTP/1.1\r\nHost: localhost:9280\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
    kinds = {f"answer of {name}": b"GET /%b%b\r\n" % (name.encode(), fields) for name in SIZES}
    for name, size in SIZES.items():
        body = b"Content-Length: %d\r\n\r\n%b" % (size, b"y" * size)
        kinds[f"body of {name}"] = b"POST /%b%bContent-Type: application/json\r\n%b" % (name.encode(), fields, body)
    rows = {kind: {way: Row() for way in ways} for kind in kinds}
    for _ in range(rounds):
        for kind, request in kinds.items():
            for way, (port, pid) in ways.items():
                row = rows[kind][way]
                before, began = _cpu(pid), time.perf_counter()
                row.loaded += (times := uvloop.run(_load(port, request, CLIENTS, seconds)))
                row.requests += len(times)
                row.wall += time.perf_counter() - began
                row.cpu += _cpu(pid) - before if way != "straight" else 0.0
                row.alone += uvloop.run(_load(port, request, 1, seconds / 3))
    figures: dict[str, dict[str, Any]] = {}
    for kind, by_way in rows.items():
        figures[kind] = {way: row.told() for way, row in by_way.items()}
        ours, straight = by_way["secondpass"], by_way["straight"]
        added = statistics.median(ours.alone) - statistics.median(straight.alone)
        figures[kind]["added_p50_ms"] = round(added * 1000, 3)
        if nginx := by_way.get("nginx"):
            figures[kind]["of_nginx_per_cpu_s"] = round(ours.requests / ours.cpu / (nginx.requests / nginx.cpu), 3)
            figures[kind]["of_nginx_per_s"] = round(ours.requests / ours.wall / (nginx.requests / nginx.wall), 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=9590, help="and the two that follow")
    parser.add_argument("--out", type=Path, help="write the figures here too")
    options = parser.parse_args()
    binary = os.environ.get("NGINX_BIN") or shutil.which("nginx")
    with ExitStack() as stack:
        upstream = stack.enter_context(_process(_serve_upstream, options.port))
        ours = stack.enter_context(_process(_serve_proxy, options.port + 1, options.port))
        ways = {"straight": (options.port, upstream), "secondpass": (options.port + 1, ours)}
        if binary:
            ways["nginx"] = (options.port + 2, stack.enter_context(_nginx(binary, options.port + 2, options.port)))
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        record("passthrough", measure(ways, options.seconds, options.rounds), options.out)


if __name__ == "__main__":
    main()
