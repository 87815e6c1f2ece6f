"""A comparison as JSON, for machines: every figure of the report, and each query's values."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from connector.evaluation.results import Found, Results
from connector.evaluation.statistics import Mean


def as_json(results: Results, command: str) -> dict[str, Any]:
    """Plain data; figures are rounded to 4 digits, milliseconds to 1."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "secondpass": version("secondpass"),
        "command": command,
        "index": results.index,
        "queries": len(results.judgments.queries),
        "notes": list(results.judgments.notes),
        "measures": list(results.measures),
        "baseline": results.baseline,
        "warnings": list(results.warnings),
        "systems": {name: _system(one) for name, one in results.found.items()},
        "depth": [_system(one) for one in results.depth],
    }


def _system(one: Found) -> dict[str, Any]:
    row: dict[str, Any] = {
        "by": one.system.by,
        "policy": one.system.base,
        "settings": one.system.policy.model_dump(exclude={"name", "indices"}) if one.system.by != "file" else {},
        "means": {measure: _mean(mean) for measure, mean in one.means.items()},
        "outcomes": dict(one.outcomes),
    }
    if one.pairs is not None:
        row["scored"] = round(one.pairs, 1)
    if one.times:
        times = {"p50": one.times.p50, "p95": one.times.p95, "added": one.times.added}
        row["ms"] = {name: None if value is None else round(value, 1) for name, value in times.items()}
    if one.difference:
        gap = one.difference
        row["difference"] = _mean(gap.mean) | {"p": round(gap.p or 0.0, 4), "won": gap.wins, "lost": gap.losses}
    if one.applied:
        row["applied"] = _mean(one.applied.mean) | {"won": one.applied.wins, "lost": one.applied.losses}
    row["values"] = {
        measure: {query: round(value, 4) for query, value in found.items()} for measure, found in one.values.items()
    }
    return row


def _mean(mean: Mean) -> dict[str, float]:
    return {"mean": round(mean.value, 4), "low": round(mean.low, 4), "high": round(mean.high, 4)}
