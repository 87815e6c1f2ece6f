"""`secondpass proxy` from outside: what it says, and that each of several processes says why it ends."""

import re
import socket
import subprocess
import sys
from pathlib import Path

from connector.local.processes import free_port

COMMAND = [sys.executable, "-m", "connector.cli.main", "proxy"]
NOTHING = '[engine]\nurl = ["http://127.0.0.1:1"]\n[redis]\nurl = "redis://127.0.0.1:1/0"\n[broker]\nurl = "redis://127.0.0.1:1/0"\n'


def test_its_log_says_when_who_what_and_why(tmp_path: Path) -> None:
    (tmp_path / "secondpass.toml").write_text(NOTHING)
    process = subprocess.Popen([*COMMAND, "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        first = process.stderr.readline()
    finally:
        process.terminate()
        process.communicate()
    assert re.match(
        r'[\d-]{10} [\d:,]{12} WARNING secondpass.proxy engine does not answer error="no engine node', first
    )


def test_a_port_that_there_is_not_is_refused(tmp_path: Path) -> None:
    found = subprocess.run([*COMMAND, "--port", "99999"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 2
    assert "65535" in found.stderr


def test_one_of_several_processes_says_why_it_ends(tmp_path: Path) -> None:
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        (tmp_path / "secondpass.toml").write_text(f"{NOTHING}[proxy]\nport = {port}\nprocesses = 2\n")
        found = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1
    assert "proxy.host, proxy.port: cannot listen there" in found.stderr
    assert "Traceback" not in found.stderr
