"""Whatever way the parent ends, no process and no port stays; an error says which part failed and where its log is."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from connector.errors import PartFailed
from connector.local.processes import RESTARTS, Part, Supervisor, free_port, taken
from connector.local.valkey import valkey

# A parent as `secondpass up` is: a server, and a part that has a child of its own.
PARENT = """
import sys
from pathlib import Path
from connector.local.processes import RESTARTS, Part, Supervisor, stopped_by_signals
from connector.local.valkey import valkey
folder, port, script = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
worker = Part("worker", ("sh", "-c", script), folder / "worker.log", ready=(folder / "pids").exists, folder=folder)
with stopped_by_signals(), Supervisor() as supervisor:
    for part in (valkey("cache", port, folder / "cache", ()), worker):
        supervisor.start(part)
        supervisor.wait_ready(part.name)
    print(*supervisor.pids().values(), flush=True)
    supervisor.watch()
"""


def part(name: str, folder: Path, script: str) -> Part:
    return Part(name, ("sh", "-c", script), folder / f"{name}.log", ready=lambda: True, folder=folder)


def alive(pid: int) -> bool:
    """A zombie, which waits for its new parent to look, has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


POLITE = "sleep 300 & echo $! >> pids; wait"
STUBBORN = f"trap '' TERM; {POLITE}"


def heed_interrupts() -> None:
    """A run in the background of a script ignores SIGINT, and would hand that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    ("number", "status", "script"),
    [
        (signal.SIGKILL, -9, STUBBORN),
        (signal.SIGTERM, 143, POLITE),
        (signal.SIGHUP, 129, POLITE),
        (signal.SIGINT, -2, POLITE),
    ],
)
def test_nothing_outlives_the_parent(tmp_path: Path, number: int, status: int, script: str) -> None:
    port = free_port()
    command = [sys.executable, "-c", PARENT, str(tmp_path), str(port), script]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    pids.append(int((tmp_path / "pids").read_text()))
    assert len(pids) == 3
    assert all(map(alive, pids))
    assert taken(port)
    os.kill(parent.pid, number)
    assert parent.wait(30) == status
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))
    assert not taken(port)


def test_a_crash_names_the_part_and_its_log(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        supervisor.start(part("sound", tmp_path, "sleep 300"))
        supervisor.start(part("broken", tmp_path, "echo the disk is full; exit 3"))
        with pytest.raises(PartFailed) as failed:
            supervisor.watch()
        survivor = supervisor.pids()["sound"]
    assert str(failed.value) == (f"broken ended (exit status 3). Its log: {tmp_path}/broken.log\n  | the disk is full")
    assert not alive(survivor)


def test_a_part_killed_from_outside_is_noticed(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        os.kill(supervisor.start(part("worker", tmp_path, "sleep 300")), signal.SIGKILL)
        with pytest.raises(PartFailed, match=r"worker ended \(signal SIGKILL\)"):
            supervisor.watch()


def test_a_spare_part_is_started_again_but_not_for_ever(tmp_path: Path) -> None:
    said: list[str] = []
    crashing = replace(part("worker", tmp_path, "echo out of memory; exit 3"), spare=True)
    with Supervisor() as supervisor:
        supervisor.start(crashing)
        with pytest.raises(PartFailed, match=r"worker ended \(exit status 3\)"):
            supervisor.watch(said.append)
    assert said == [f"worker ended (exit status 3) and is started again. Its log: {tmp_path}/worker.log"] * RESTARTS


def test_a_part_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    slow = Part("slow", ("sleep", "300"), tmp_path / "slow.log", ready=lambda: False, limit_s=0.3)
    with Supervisor() as supervisor:
        supervisor.start(slow)
        with pytest.raises(PartFailed, match="slow was not ready after 0 s"):
            supervisor.wait_ready("slow")


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    with Supervisor() as supervisor:
        supervisor.start(valkey("first", port, tmp_path / "first", ()))
        supervisor.wait_ready("first")
        with pytest.raises(PartFailed, match=rf"second: port {port} on 127.0.0.1 is taken; choose another with --port"):
            supervisor.start(valkey("second", port, tmp_path / "second", ()))


def test_a_missing_program_is_a_clear_error(tmp_path: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(PartFailed, match="ghost"):
        start_and_watch(supervisor, Part("ghost", ("/no/such/program",), tmp_path / "ghost.log", ready=lambda: True))


def start_and_watch(supervisor: Supervisor, one: Part) -> None:
    """Without `setpriv` the start itself fails, with it the program ends at once."""
    supervisor.start(one)
    supervisor.watch()


def test_a_part_is_restarted(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        first = supervisor.start(part("idle", tmp_path, POLITE))
        second = supervisor.restart("idle")
        assert not alive(first)
        assert supervisor.pids() == {"idle": second}
        supervisor.check()
