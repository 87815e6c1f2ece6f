"""`secondpass demo --once`: the tables appear, nothing stays, and the second run uses what is there."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connector.local.folders import engine_account, engine_folder
from connector.local.processes import taken
from tests.services import port_row


def run(port: int, data: Path) -> tuple[str, float]:
    """What it printed and the seconds it took."""
    command = [sys.executable, "-m", "connector.cli.main", "demo", "--once", "--port", str(port), "--data", str(data)]
    began = time.monotonic()
    found = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "120"})
    assert found.returncode == 0, found.stdout + found.stderr
    assert not any(map(taken, range(port, port + 5)))
    return found.stdout, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo_runs_twice_and_leaves_nothing() -> None:
    account, port = engine_account(), port_row()
    data = engine_folder(account) / f"demo-test-{os.getpid()}"
    try:
        first, slow = run(port, data)
        second, quick = run(port, data)
    finally:
        subprocess.run(["rm", "-rf", str(data)], check=True)
    for said in (first, second):
        for wanted in ("BM25", "kNN", "fused", "reranked", "nDCG@10", "MRR", "R@100", "English", "Chinese"):
            assert wanted in said
        assert "skipped;reason=language" in said
    assert "already there" not in first
    assert "already there" in second
    assert quick < slow
