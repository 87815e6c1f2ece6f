"""docs/controls.md (and docs/search.md, for skips) explains every word of the answer's header and of the controls."""

import re
from pathlib import Path

import pytest

from connector.dialects.controls import _BODY_KEYS, _HEADER_KEYS, details
from connector.types import Knn, Outcome, Reason, State

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, title: str) -> set[str]:
    """What stands in code in the first two columns of a section's table."""
    section = (DOCS / page).read_text().partition(f"# {title}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("|")]
    return set(re.findall(r"`([^`]+)`", " ".join(cell for pair in cells for cell in pair)))


def test_controls() -> None:
    asked = rows("controls.md", "In a request")
    assert {name for name in _BODY_KEYS if name not in asked} == set()
    assert {name for name in _HEADER_KEYS if not any(said.partition("=")[0] == name for said in asked)} == set()


def test_the_answers_header() -> None:
    said = rows("controls.md", "In the answer's header")
    words = [*State, *(f"knn={knn}" for knn in Knn), "pages=unstable", "scored", "cached", "window", "ms", "model"]
    assert {word for word in words if str(word) not in said} == set()


def test_details() -> None:
    said = rows("controls.md", "In the body, where details are asked for")
    assert details(Outcome(State.APPLIED)).keys() <= said


@pytest.mark.parametrize("reason", Reason)
def test_reasons(reason: Reason) -> None:
    assert reason in rows("controls.md", "Why a search failed") | rows("search.md", "Why a search is skipped")


def test_reasons_of_failures() -> None:
    failed = {Reason.NO_WORKER, Reason.TIMEOUT, Reason.BREAKER, Reason.REDIS, Reason.OVERLOAD, Reason.MODEL}
    assert rows("controls.md", "Why a search failed") >= failed | {Reason.NO_TEXT, Reason.ERROR}
