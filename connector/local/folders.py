"""Where the embedded stack keeps its files: $SECONDPASS_CACHE, else ~/.cache/secondpass.

Engines refuse to run as root. Root starts them as `nobody`, who must be able to read Java and the engine, and a cache
below a home that is closed to others (mode 0700, as /root is) cannot serve: what the engine touches then lies in
/var/tmp/secondpass-0.
"""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from connector.errors import PartFailed


@dataclass(frozen=True, slots=True)
class Account:
    """The user that runs what refuses to run as root."""

    uid: int
    gid: int


def engine_account() -> Account | None:
    """`nobody` where this process is root, else None: the engine then runs as we do."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def cache_folder() -> Path:
    """Downloads and unpacked engines. Made where it is missing."""
    chosen = os.environ.get("SECONDPASS_CACHE")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "secondpass"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def engine_folder(account: Account | None) -> Path:
    """The cache folder where `account` can reach it, else a folder of our own under /var/tmp."""
    cache = cache_folder()
    if account is None or reaches(account, cache):
        return cache
    folder = Path(f"/var/tmp/secondpass-{os.geteuid()}")
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PartFailed(
            f"{folder} is not a folder that belongs to this user alone; remove it, or set SECONDPASS_CACHE to a folder "
            "that others can enter"
        )
    return folder


def reaches(account: Account, path: Path) -> bool:
    """Whether `account` can enter `path` (a folder) and every folder above it."""
    resolved = path.resolve()
    return all(_enters(account, folder.stat()) for folder in (resolved, *resolved.parents))


def _enters(account: Account, found: os.stat_result) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def open_to_all(folder: Path) -> None:
    """Let everybody read `folder`, whatever umask it was made under; programs stay programs."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)


def give(folder: Path, account: Account | None) -> None:
    """Make `folder` and all below it belong to `account`."""
    if account is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def copy_once(source: Path, target: Path) -> Path:
    """A readable copy of the folder `source` at `target`; two processes may try at once."""
    if not target.exists():
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        shutil.copytree(source, part, symlinks=True)
        put_in_place(part, target)
    return target


def put_in_place(part: Path, target: Path) -> None:
    """Rename the finished folder `part` to `target`; where another process was first, its work is kept."""
    open_to_all(part)
    try:
        part.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(part)
