"""The last guard: ends the parts' process groups when the process that started them is gone, however it went.

Started by `processes.Supervisor` as a program of its own (standard library only, `python -I -S watcher.py`), it holds
the read end of a pipe whose write end only the parent has. A line "+PGID" puts a group under guard, "-PGID" takes it
out; the end of the pipe, which the kernel brings about even after kill -9, means: end them all.
"""

import os
import signal
import sys
import time

GRACE_S = 3.0  # OpenSearch and Valkey are gone 0.1 s after SIGTERM; a worker may be inside a batch


def watch(stream: int) -> set[int]:
    """Read until the parent is gone; the groups that are left."""
    groups: set[int] = set()
    with os.fdopen(stream) as lines:
        for line in lines:
            sign, number = line[0], int(line[1:])
            if sign == "+":
                groups.add(number)
            else:
                groups.discard(number)
    return groups


def end(groups: set[int], grace_s: float = GRACE_S) -> None:
    """SIGTERM, then SIGKILL for what is still there after `grace_s`."""
    for group in groups:
        _send(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    left = groups
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if _send(group, 0)}
    for group in left:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(watch(int(sys.argv[1])))
