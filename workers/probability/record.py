"""`calibration` in a model's `secondpass.json`: the numbers that make probabilities, and what is known of them.

Rule: a calibration belongs to weights. One of other weights than those beside it is not announced.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connector.calibration import Calibration, read_calibration
from workers.checkpoint import has_weights
from workers.manifest import FILE, read_manifest, write_manifest
from workers.probability.measure import Compared
from workers.probability.thresholds import Threshold
from workers.runtimes.inputs import hash_weights

KEY = "calibration"
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Record:
    """`relevant` is the grade from which a document counts; `share` of the `pairs` had it. `figures` are of queries
    that the numbers were not fitted to.
    """

    method: str
    calibration: Calibration
    data: str
    relevant: int
    queries: int
    pairs: int
    share: float
    figures: Mapping[str, Compared]
    thresholds: tuple[Threshold, ...]

    def as_json(self) -> dict[str, Any]:
        found = self.calibration.as_json() | asdict(self)
        del found["calibration"]
        found["figures"] = {
            name: {
                "before": round(one.before, 4),
                "after": round(one.after, 4),
                "difference_95": [round(one.low, 4), round(one.high, 4)],
            }
            for name, one in self.figures.items()
        }
        return found

    def lines(self) -> list[str]:
        """The same for a person, a Markdown line each."""
        said = [
            f"probability, fitted by {self.method} on {self.data}: {self.queries} queries, {self.pairs} graded pairs, "
            f"relevant from grade {self.relevant} on ({self.share:.0%} of them); on queries left out of the fit:"
        ]
        for name, one in self.figures.items():
            said.append(
                f"{name.replace('_', ' ')} {one.before:.4f} by the activation alone, {one.after:.4f} calibrated "
                f"(95 % interval of the difference {one.low:+.4f} to {one.high:+.4f})"
                + (
                    f"; saying {self.share:.0%} of every pair has {self.share * (1 - self.share):.4f}"
                    * (name == "brier")
                )
            )
        for found in self.thresholds:
            said.append(
                f"for {found.wanted}: probability from {found.probability:.3f}, logit from {found.logit:.3f} "
                f"(precision {found.precision:.3f}, recall {found.recall:.3f} of these pairs)"
            )
        return said


def write_record(folder: Path, record: Record) -> None:
    """Put it into the folder's `secondpass.json`, which is made where there is none."""
    write_manifest(folder, **{KEY: record.as_json() | {"weights": hash_weights(folder)}})


def read_record(folder: Path) -> Record | None:
    """The record of the folder's weights, with its figures; None where there is none. Raises ConfigError for a damaged
    manifest.
    """
    return _record(_current(folder))


def read_folder(folder: Path) -> Calibration | None:
    """The calibration of the folder's weights; None where there is none. Raises ConfigError for a damaged manifest."""
    return read_calibration(_current(folder))


def forget(folder: Path) -> bool:
    """Take a calibration of other weights out of the folder's `secondpass.json`, and its lines out of the card. Returns
    whether there was one. Raises ConfigError for a damaged manifest.
    """
    content = read_manifest(folder)
    said = content.pop(KEY, None)
    if said is None or _current(folder):
        return False
    (folder / FILE).write_text(json.dumps(content), encoding="utf-8")
    write_manifest(folder)
    card, record = folder / CARD, _record(said)
    if record and card.exists():
        gone = {f"- {line}" for line in record.lines()}
        lines = card.read_text(encoding="utf-8").splitlines(keepends=True)
        card.write_text("".join(line for line in lines if line.rstrip() not in gone), encoding="utf-8")
    return True


def _current(folder: Path) -> dict[str, Any] | None:
    """What the manifest says, if it is of the weights beside it; None where there are none."""
    said = read_manifest(folder).get(KEY)
    ours = isinstance(said, dict) and has_weights(folder) and said.get("weights") == hash_weights(folder)
    return said if ours else None


def _record(said: dict[str, Any] | None) -> Record | None:
    calibration = read_calibration(said)
    if said is None or calibration is None:
        return None
    try:
        figures = {
            name: Compared(one["before"], one["after"], *one["difference_95"]) for name, one in said["figures"].items()
        }
        thresholds = tuple(Threshold(**one) for one in said["thresholds"])
        plain = {name: said[name] for name in ("method", "data", "relevant", "queries", "pairs", "share")}
    except (KeyError, TypeError, AttributeError):  # numbers written by hand, without figures
        return None
    return Record(calibration=calibration, figures=figures, thresholds=thresholds, **plain)
