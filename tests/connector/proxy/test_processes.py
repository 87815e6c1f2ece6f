"""Several processes on one port."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx

from connector.local.processes import free_port

TOTAL = 'secondpass_requests_total{kind="engine",status="2xx"}'
PROCESSES = """
    from connector.proxy.processes import run

    def work():
        import asyncio, os
        from connector import metrics

        async def answer(reader, writer):
            metrics.count_request("engine", 200)
            await reader.readuntil(b"\\r\\n\\r\\n")
            text = str(os.getpid()).encode() + b"\\n" + metrics.expose()[0]
            writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n" + text)
            writer.close()

        async def serve():
            await asyncio.start_server(answer, "127.0.0.1", PORT, reuse_port=True)
            await asyncio.Event().wait()

        asyncio.run(serve())

    raise SystemExit(run(3, work))
"""


def test_processes_share_a_port_and_their_metrics_and_end_together():
    port = free_port()
    code = textwrap.dedent(PROCESSES).replace("PORT", str(port))
    parent = subprocess.Popen([sys.executable, "-c", code])
    seen: set[int] = set()
    try:
        asked, total, deadline = 0, 0, time.monotonic() + 60
        while len(seen) < 3:
            assert time.monotonic() < deadline
            try:
                pid, _, text = httpx.get(f"http://127.0.0.1:{port}/", timeout=5).text.partition("\n")
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            asked += 1
            seen.add(int(pid))
            (line,) = [line for line in text.splitlines() if line.startswith(TOTAL)]
            total = float(line.split()[-1])
        assert total == asked
        os.kill(min(seen), signal.SIGKILL)
        assert parent.wait(10) == 128 + signal.SIGKILL
    finally:
        parent.kill()
        parent.wait()
    time.sleep(0.2)
    assert not [pid for pid in seen if Path(f"/proc/{pid}").exists()]
