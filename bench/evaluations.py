"""The list of every look at the ESCI test queries, `test-evals.jsonl`: a look is written down or it did not happen."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "test-evals.jsonl"


def looks() -> list[dict[str, Any]]:
    """Every look so far, oldest first."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def looked(recipe: str, weights: str) -> bool:
    """Whether these weights were looked at for this recipe before."""
    return any(row["recipe"] == recipe and row.get("weights") == weights for row in looks())


def add(recipe: str, **row: Any) -> None:
    """Append a look, with today's date and the commit it was made at."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    date = datetime.now(UTC).isoformat(timespec="minutes")
    with FILE.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"date": date, "commit": commit, "recipe": recipe} | row) + "\n")
