"""Parts of the stack as child processes that never outlive us.

Each part has a process group of its own, so that Ctrl-C reaches us alone and we stop the parts in order. Against
kill -9 of ourselves stand two guards: the kernel's parent-death signal (`setpriv`, where the machine has it) and a
watcher process at the other end of a pipe (connector/local/watcher.py).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from connector.errors import PartFailed
from connector.local import watcher
from connector.local.folders import Account

_TAIL = 12  # lines of a log that an error shows
_STOP_S = 10.0  # what a part may take after SIGTERM before it is killed
RESTARTS, WITHIN_S = 3, 120.0  # how often a part that searches live without is started again; a broken one ends all


@dataclass(frozen=True, slots=True)
class Part:
    """What runs, and how to know that it is ready. `ready` is asked every 0.1 s for up to `limit_s` seconds. Searches
    live without a `spare` part while it is started again.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[[], bool]
    limit_s: float = 60.0
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    nice: int = 0
    ports: tuple[int, ...] = ()
    spare: bool = False


class Supervisor:
    """Starts parts, notices when one ends, and stops all of them, last first, when the `with` block is left."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Part, subprocess.Popen[bytes]]] = {}
        read, self._pipe = os.pipe()
        program = [sys.executable, "-I", "-S", str(watcher.__file__), str(read)]
        self._watcher = subprocess.Popen(program, pass_fds=(read,), start_new_session=True, stdin=subprocess.DEVNULL)
        os.close(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: Part) -> int:
        """Start `part`; its process id. Raises PartFailed where its port is taken or the program is missing."""
        for port in part.ports:
            if taken(port):
                raise PartFailed(f"{part.name}: port {port} on 127.0.0.1 is taken; choose another with --port")
        part.log.parent.mkdir(parents=True, exist_ok=True)
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "TERM", "--"] if guard else []
        prefix += ["nice", "-n", str(part.nice)] if part.nice else []
        user = part.account
        try:
            with part.log.open("ab") as log:
                process = subprocess.Popen(
                    [*prefix, *part.command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=part.folder,
                    env=dict(part.environment) or None,
                    start_new_session=True,
                    user=user.uid if user else None,
                    group=user.gid if user else None,
                    extra_groups=[] if user else None,
                )
        except OSError as error:
            raise PartFailed(f"{part.name} cannot be started: {error}") from error
        self._running[part.name] = part, process
        os.write(self._pipe, f"+{process.pid}\n".encode())
        return process.pid

    def wait_ready(self, name: str) -> None:
        """Return when the part is ready. Raises PartFailed when it, or one started before it, ends or is too slow."""
        part, _ = self._running[name]
        deadline = time.monotonic() + part.limit_s
        while not part.ready():
            self.check()
            if time.monotonic() > deadline:
                raise PartFailed(f"{name} was not ready after {part.limit_s:.0f} s. {_last_words(part.log)}")
            time.sleep(0.1)
        self.check()

    def check(self) -> None:
        """Raises PartFailed when a part has ended."""
        for part, process in self._running.values():
            if (status := process.poll()) is not None:
                raise PartFailed(f"{part.name} ended ({_ending(status)}). {_last_words(part.log)}")

    def watch(self, say: Callable[[str], None] = print) -> None:
        """Return never. A spare part that ends is started again; raises PartFailed as soon as any other does, or one
        that ended RESTARTS times before.
        """
        ended: dict[str, list[float]] = {}
        while True:
            for part, process in list(self._running.values()):
                if (status := process.poll()) is None:
                    continue
                times = [one for one in ended.get(part.name, []) if time.monotonic() - one < WITHIN_S]
                if not part.spare or len(times) == RESTARTS:
                    self.check()
                ended[part.name] = [*times, time.monotonic()]
                say(f"{part.name} ended ({_ending(status)}) and is started again. Its log: {part.log}")
                self.restart(part.name)
            time.sleep(0.2)

    def restart(self, name: str) -> int:
        """End the part where it still runs, and start it anew on its old address; its new process id."""
        part, process = self._running[name]
        _end(process)
        os.write(self._pipe, f"-{process.pid}\n".encode())
        return self.start(part)

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, (_, process) in self._running.items()}

    def stop(self) -> None:
        """Stop every part, the last started first, then the watcher."""
        while self._running:
            name, (_, process) = next(reversed(self._running.items()))
            _end(process)
            os.write(self._pipe, f"-{process.pid}\n".encode())
            del self._running[name]
        if self._watcher.poll() is None:
            os.close(self._pipe)
            self._watcher.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a part with all processes of its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:] if log.exists() else []
    return "\n".join([f"Its log: {log}", *(f"  | {line}" for line in lines)])


def taken(port: int) -> bool:
    """Whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP unwind the program as Ctrl-C does, with the usual exit status (143, 129)."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
