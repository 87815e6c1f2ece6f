"""Results as dated JSON: what was measured, on which machine, with which versions, under which load."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("celery", "kombu", "redis", "hiredis", "msgspec")


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def record(bench: str, found: dict[str, Any], out: Path | None) -> None:
    """Write `found` to `out`, or only print it."""
    text = json.dumps(
        {
            "bench": bench,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cpu": cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
            "load": [round(one, 1) for one in os.getloadavg()],
            "versions": {package: version(package) for package in PACKAGES},
            "found": found,
        },
        indent=1,
    )
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
