"""Bodies of hundreds of megabytes through a real proxy process: its memory does not grow with them."""

import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector.local.processes import free_port
from tests.connector.stage import Child
from tests.faithful.conftest import ready
from tests.fidelity.raw import NDJSON, Link, Reply

MOST = 50 * 1024  # KB that the proxy's memory may grow by
PIECE = b"x" * (1 << 20)
SIZE = 200 * len(PIECE)
LINE = b'{"index": {}}\n{"name": "%b"}\n' % (b"long " * 200_000)  # 1 MB, of one word, so that the engine is quick


@contextmanager
def proxy_process(engine: str, folder: Path) -> Iterator[tuple[int, Child]]:
    """Port and process of a proxy without policies."""
    config, port = folder / "secondpass.toml", free_port()
    config.write_text(f'[engine]\nurl = ["{engine}"]\n')
    child = Child(sys.executable, "-m", "connector.cli.main", "proxy", "--config", str(config), "--port", str(port))
    try:
        ready(lambda: listens(port))
        yield port, child
    finally:
        child.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def memory(pid: int, what: str) -> int:
    """VmRSS or VmHWM (the most it ever was), in KB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition(f"{what}:")[2].split()[0])


def upload(port: int, target: str, pieces: int, piece: bytes) -> Reply:
    """POST `pieces` times `piece`, chunk by chunk."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as peer:
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n".encode()
        peer.sendall(head + NDJSON + b"\r\n")
        for _ in range(pieces):
            peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        peer.sendall(b"0\r\n\r\n")
        return Link(peer).reply()


@pytest.mark.slow  # 10 s an engine on a calm machine, ten times that on a busy one
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ["opensearch", "elasticsearch"])
def test_bulks_of_200_mb(request: pytest.FixtureRequest, engine: str, unique_index: str, tmp_path: Path):
    """Ten of 20 MB: an engine takes no body above 100 MB, and the tests' one, with 512 MB of heap, none above 80."""
    url = request.getfixturevalue(f"{engine}_url")
    index = {"mappings": {"enabled": False}, "settings": {"refresh_interval": -1, "number_of_replicas": 0}}
    httpx.put(f"{url}/{unique_index}", json=index, timeout=60).raise_for_status()
    try:
        with proxy_process(url, tmp_path) as (port, child):
            pid = child.process.pid
            target = f"/{unique_index}/_bulk?filter_path=errors"
            assert upload(port, target, 1, LINE).body == b'{"errors":false}'
            before = memory(pid, "VmRSS")
            for _ in range(10):
                assert upload(port, target, 20, LINE).body == b'{"errors":false}'
            assert memory(pid, "VmHWM") - before < MOST
    finally:
        httpx.delete(f"{url}/{unique_index}", timeout=60)


class Sink(socketserver.StreamRequestHandler):
    """An upstream that takes SIZE bytes in one body, answers with as many, and knows nothing else."""

    def handle(self) -> None:
        start = self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        if not start.startswith(b"POST"):
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        left = SIZE
        while left and (data := self.rfile.read1(1 << 18)):
            left -= len(data)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // len(PIECE)):
            self.wfile.write(PIECE)


def test_200_mb_each_way_in_one_body(tmp_path: Path):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink) as upstream:
        upstream.daemon_threads = True
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        with proxy_process(f"http://127.0.0.1:{upstream.server_address[1]}", tmp_path) as (port, child):
            before = memory(child.process.pid, "VmRSS")
            with socket.create_connection(("127.0.0.1", port), timeout=120) as peer:
                peer.sendall(b"POST /_bulk HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
                for _ in range(SIZE // len(PIECE)):
                    peer.sendall(PIECE)
                got, reader = 0, peer.makefile("rb")
                while reader.readline() != b"\r\n":
                    pass
                while got < SIZE:
                    got += len(reader.read1(1 << 18))
            assert memory(child.process.pid, "VmHWM") - before < MOST
        upstream.shutdown()
