"""docs/operations.md names every metric that there is, with its labels, and no other."""

import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from connector import metrics

TEXT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_every_metric_is_in_the_table() -> None:
    there = set()
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            name = one._name + ("_total" if isinstance(one, Counter) else "")
            there.add(name + (f"{{{', '.join(one._labelnames)}}}" if one._labelnames else ""))
    assert there == set(re.findall(r"^\| `(secondpass_[^`]*)`", TEXT, re.MULTILINE))
