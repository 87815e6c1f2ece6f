"""`secondpass.json` of a model's folder: what the model was made for, and the SHA-256 of every other file.

Rule: a folder that names hashes holds exactly those files; the card alone may change, and Python's own leftovers.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from workers.whole import write_whole

FILE = "secondpass.json"
FREE = (FILE, f"{FILE}.part", "README.md")


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files(folder: Path) -> list[Path]:
    """Every file that counts, those of sub-folders too."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if str(path.relative_to(folder)) not in FREE)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The contents, {} where the folder has none. Raises ConfigError."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("sha256", {}), dict):
            return content
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    raise ConfigError(f"{path}: not an object with hashes in `sha256`")


def longest_query(folder: Path) -> int:
    """Characters of the longest query that the model was made for; 0: any, or the folder does not say. Raises
    ConfigError.
    """
    said = read_manifest(folder).get("max_query_chars", 0)
    if isinstance(said, int) and said >= 0:
        return said
    raise ConfigError(f"{folder / FILE}: max_query_chars = {said!r}: a number of characters, or 0 for any")


def write_manifest(folder: Path, **purpose: Any) -> None:
    """Write the hashes anew; `purpose` is added to what the file says of the model."""
    content = read_manifest(folder) | purpose
    content["sha256"] = {path.relative_to(folder).as_posix(): sha256(path) for path in files(folder)}
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    write_whole(folder / FILE, lambda part: part.write_text(text, encoding="utf-8"))


def differences(folder: Path) -> list[str]:
    """What the folder holds otherwise than its hashes say, a line each; none where all is as it was made."""
    named: dict[str, str] = read_manifest(folder).get("sha256", {})
    there = {path.relative_to(folder).as_posix(): path for path in files(folder)}
    lines = [f"{name}: is missing" for name in sorted(named.keys() - there.keys())]
    lines += [f"{name}: is not in the list" for name in sorted(there.keys() - named.keys())]
    changed = (name for name in sorted(named.keys() & there.keys()) if sha256(there[name]) != named[name])
    return lines + [f"{name}: has another SHA-256 than {FILE} says" for name in changed]
