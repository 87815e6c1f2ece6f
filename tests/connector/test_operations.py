"""docs/operations.md names every metric that there is, with its labels, and no other; and every variable we read."""

import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from connector import metrics

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()
READ = re.compile(r"""environ(?:\.get\(|\[)"((?:SECONDPASS_|JAVA_HOME)\w*)""")


def test_every_metric_is_in_the_table() -> None:
    there = set()
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            name = one._name + ("_total" if isinstance(one, Counter) else "")
            there.add(name + (f"{{{', '.join(one._labelnames)}}}" if one._labelnames else ""))
    assert there == set(re.findall(r"^\| `(secondpass_[^`]*)`", TEXT, re.MULTILINE))


def test_every_variable_is_in_the_table() -> None:
    code = "".join(path.read_text() for part in ("connector", "workers") for path in (ROOT / part).rglob("*.py"))
    assert {"SECONDPASS_CONFIG", "SECONDPASS_STATE", "SECONDPASS_CACHE"} <= set(READ.findall(code))
    assert set(READ.findall(code)) <= set(re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE))
