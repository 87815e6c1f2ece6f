"""The folders of one run of the stack: its logs, which a failed run leaves behind, and the data, which stay; and the
note in it that tells other commands where the run's parts listen and which settings it was given.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from connector.errors import PartFailed
from connector.local.folders import Account, engine_account, engine_folder, reaches
from connector.settings import Settings

KEPT_RUNS = 5
NOTE = "addresses.json"


@contextmanager
def kept_on_failure(run: Path) -> Iterator[None]:
    """Remove the folder of a run that ended well, which Ctrl-C and SIGTERM are, too."""
    try:
        yield
    except Exception:
        raise
    except BaseException:
        shutil.rmtree(run, ignore_errors=True)
        raise
    else:
        shutil.rmtree(run, ignore_errors=True)


def run_folder(base: Path, name: str) -> Path:
    """A new folder for logs. Of earlier ones, left by failed runs, the newest `KEPT_RUNS` stay."""
    runs = base / "runs"
    runs.mkdir(exist_ok=True)
    old = [folder for folder in runs.iterdir() if not _alive(folder)]
    for folder in sorted(old, key=lambda folder: folder.stat().st_mtime)[:-KEPT_RUNS]:
        shutil.rmtree(folder, ignore_errors=True)
    run = runs / f"{name}-{os.getpid()}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(mode=0o755)
    return run


def note_addresses(run: Path, settings: Settings, config: Path | None = None) -> None:
    """Write where engine, cache and broker of this run are, for its user alone (addresses may hold passwords), and its
    settings file where it has one.
    """
    found = {"port": settings.proxy.port, "engine": settings.engine.url[0]}
    found |= {"redis": settings.redis.url, "broker": settings.broker.url}
    found |= {"config": str(config.resolve())} if config else {}
    with os.fdopen(os.open(run / NOTE, os.O_CREAT | os.O_WRONLY, 0o600), "w") as note:
        json.dump(found, note)


def find_addresses(port: int) -> dict[str, str]:
    """What the running stack noted whose proxy has this port: "engine", "redis", "broker" and, where it has one,
    "config"; empty where none runs.
    """
    for found in _notes():
        if found.get("port") == port:
            return {part: found[part] for part in ("engine", "redis", "broker", "config") if part in found}
    return {}


def running_ports() -> list[int]:
    """The ports of the proxies of the stacks that run here."""
    return sorted(found["port"] for found in _notes() if "port" in found)


def _notes() -> Iterator[dict[str, Any]]:
    """What the stacks that run here noted of themselves."""
    for run in (engine_folder(engine_account()) / "runs").glob("*"):
        try:
            found = json.loads((run / NOTE).read_text())
        except (OSError, ValueError):
            continue
        if _alive(run):
            yield found


def _alive(folder: Path) -> bool:
    found = re.search(r"-(\d+)$", folder.name)
    try:
        os.kill(int(found[1]) if found else 0, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def locked(folder: Path, account: Account | None) -> Iterator[Path]:
    """The folder of an engine's data, ours alone. Raises PartFailed where another stack uses it or the engine's user
    cannot enter it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if account and not reaches(account, folder.parent):
        raise PartFailed(f"{folder}: the engine runs as nobody, who cannot enter this folder; choose another --data")
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        _lock(lock, folder)
        yield folder


def _lock(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PartFailed(
            f"{folder} is in use by another stack; stop it, or give a folder of your own by --data"
        ) from error
