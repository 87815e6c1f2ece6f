"""`make services`: Debian's redis-server and RabbitMQ, unpacked into the cache folder. No root, nothing installed.

What the machine has is used as it is; without apt there is nothing to fetch, and the tests that want them skip.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from connector.local.folders import cache_folder

PACKAGES = ("redis-server", "rabbitmq-server")


def unpacked() -> Path:
    """Where the packages' `usr` lies once it is unpacked."""
    return cache_folder() / "debian"


def libraries() -> dict[str, str]:
    """Where unpacked programs find their shared libraries; empty where nothing is unpacked."""
    folders = [str(path) for path in unpacked().glob("usr/lib/*-linux-gnu*")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {}


def here() -> bool:
    """Whether both can be started, installed or unpacked."""
    installed = shutil.which("redis-server") and shutil.which("erl") and Path("/usr/lib/rabbitmq/lib").is_dir()
    return bool(installed) or unpacked().is_dir()


def fetch(*options: str) -> None:
    """Download the packages, and those they need that this machine lacks, and unpack them. `options` are apt's."""
    folder = cache_folder() / f"debian.{os.getpid()}.part"
    archives, root = folder / "archives", folder / "root"
    shutil.rmtree(folder, ignore_errors=True)
    archives.mkdir(parents=True)
    (folder / "state/lists/partial").mkdir(parents=True)
    own = ("-o", f"Dir::State::lists={folder}/state/lists", "-o", f"Dir::Cache={folder}", "-o", "Debug::NoLocking=1")
    apt = ("apt-get", "-qq", "-o", "APT::Sandbox::User=", *own, *options)
    try:
        subprocess.run([*apt, "update"], check=True)
        wanted = subprocess.run(
            [*apt, "--print-uris", "--yes", "--no-install-recommends", "install", *PACKAGES],
            check=True,
            capture_output=True,
            text=True,
        )
        names = [line.split()[1].partition("_")[0] for line in wanted.stdout.splitlines()]
        subprocess.run([*apt, "download", *names], check=True, cwd=archives)
        for package in sorted(archives.glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True)
        relocate_erlang(root, unpacked())
        root.rename(unpacked())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def relocate_erlang(root: Path, target: Path) -> None:
    """Debian's start script knows one place for Erlang; name the one where it will be."""
    for script in (root / "usr/lib/erlang").glob("**/bin/erl"):
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace("ROOTDIR=/usr/lib/erlang", f"ROOTDIR={target}/usr/lib/erlang"), encoding="utf-8")


def main() -> int:
    if here():
        return 0
    if not shutil.which("apt-get"):
        print("no apt-get here: tests on redis-server and RabbitMQ skip unless both are in PATH", file=sys.stderr)
        return 1 if os.environ.get("REQUIRE_SERVICES") == "1" else 0
    fetch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
