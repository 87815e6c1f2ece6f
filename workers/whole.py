"""Files that are whole or not there: what ends a run in the middle of writing one leaves the one before."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under another name, flush it and rename it to `path`; where that fails, nothing stays."""
    part = path.with_name(path.name + ".part")
    try:
        write(part)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
