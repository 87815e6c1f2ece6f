"""What clicks say, from User Behavior Insights: clicks against the clicks that the positions alone would bring.

Rule: a document's label is c / (c + e), where c is the worth of what people did with it under a query and e what an
average document would have earned at the positions where it was shown (clicks over expected clicks, Zhang and Jones
2007). So 0.5 is average, and a document that was shown high and left alone sinks. Documents with fewer impressions
than asked for have no label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConfigError
from connector.evaluation.files import json_object, read_lines
from workers.training.data import folded

WORTH = {"click": 1.0, "item_click": 1.0, "global_click": 1.0, "add_to_cart": 2.0, "purchase": 3.0}
"""What an action counts; of several on the same document in one search the highest. Other actions count nothing."""

SHOWN = "impression"

SMOOTHING = 1.0
"""Average clicks added to both sides: with little evidence a label stays near 0.5."""

LAST_POSITION = 20
"""Positions from here on share one rate: too few people look there for a rate of each."""


@dataclass(frozen=True, slots=True)
class Clicked:
    """Of one query and document: how often it was shown, what it earned, what its positions would have."""

    shown: int
    earned: float
    expected: float

    @property
    def label(self) -> float:
        return (self.earned + SMOOTHING) / (self.earned + self.expected + 2 * SMOOTHING)


def read_events(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read `queries.jsonl` and `events.jsonl` (or `ubi_queries`, `ubi_events`; .gz too). Raises ConfigError."""
    return _read(folder, "queries"), _read(folder, "events")


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    for path in (folder / f"{prefix}{name}.{end}" for prefix in ("", "ubi_") for end in ("jsonl", "jsonl.gz")):
        if path.exists():
            return [json_object(path, line, text) for line, text in read_lines(path)]
    raise ConfigError(f"{folder}: no {name}.jsonl or ubi_{name}.jsonl, as UBI's indexes ubi_queries and ubi_events")


def count(queries: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Clicked]]:
    """Return what was shown and clicked by query text (lower case, single spaces) and document.

    Documents that were clicked but never logged as shown are left out: how they came to be seen is not known.
    """
    texts = {row["query_id"]: _text(row) for row in queries if row.get("query_id")}
    shown: dict[tuple[str, str], int] = {}
    earned: dict[tuple[str, str], float] = {}
    for search, document, position, action in _actions(events):
        if action == SHOWN:
            shown.setdefault((search, document), position)
        else:
            earned[search, document] = max(earned.get((search, document), 0.0), WORTH.get(action, 0.0))
    rates = _rates(shown, earned)
    found: dict[str, dict[str, Clicked]] = {}
    for (search, document), position in shown.items():
        text = texts.get(search, "")
        if text:
            known = found.setdefault(text, {}).get(document, Clicked(0, 0.0, 0.0))
            worth = earned.get((search, document), 0.0)
            found[text][document] = Clicked(
                known.shown + 1, known.earned + worth, known.expected + rates[min(position, LAST_POSITION)]
            )
    return found


def labels(found: Mapping[str, Mapping[str, Clicked]], least_shown: int) -> dict[str, dict[str, float]]:
    """Return the label of each document that was shown often enough; queries nobody clicked in say nothing."""
    kept = {
        query: {document: row.label for document, row in rows.items() if row.shown >= least_shown}
        for query, rows in found.items()
        if any(row.earned and row.shown >= least_shown for row in rows.values())
    }
    return {query: rows for query, rows in kept.items() if len(rows) > 1}


def _rates(shown: Mapping[tuple[str, str], int], earned: Mapping[tuple[str, str], float]) -> dict[int, float]:
    """Return what a document earns on average at each position."""
    totals: dict[int, tuple[int, float]] = {}
    for key, position in shown.items():
        times, worth = totals.get(min(position, LAST_POSITION), (0, 0.0))
        totals[min(position, LAST_POSITION)] = times + 1, worth + earned.get(key, 0.0)
    return {position: worth / times for position, (times, worth) in totals.items()}


def _actions(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, int, str]]:
    """Yield (search, document, position, action) of the events that name a search and a document."""
    for event in events:
        attributes = event.get("event_attributes") or {}
        document = (attributes.get("object") or {}).get("object_id")
        if event.get("query_id") and document:
            position = (attributes.get("position") or {}).get("ordinal")
            yield event["query_id"], str(document), int(position or 0), str(event.get("action_name"))


def _text(row: Mapping[str, Any]) -> str:
    return folded(str(row.get("user_query") or ""))
