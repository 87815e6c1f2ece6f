"""The pages on our own addresses are true: their curl commands answer, and an answer has the members they show."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Live
from tests.e2e.test_readme import here

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, title: str) -> str:
    text = (DOCS / page).read_text()
    return text.partition(f"# {title}\n")[2].partition("\n## ")[0]


def block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def answers(live: Live, text: str) -> list[Any]:
    commands = block(text, "sh").replace("\\\n", " ").splitlines()
    return [
        json.loads(subprocess.run(["bash", "-c", here(live, command)], capture_output=True).stdout)
        for command in commands
    ]


@pytest.fixture
def plain() -> str:
    return section("search.md", "A search in plain words")


def test_a_search_in_plain_words(live: Live, plain: str) -> None:
    posted, got = answers(live, plain)
    shown = json.loads(block(plain, "json"))
    assert set(posted) == set(shown)
    assert set(posted["rerank"]) == set(shown["rerank"])
    assert set(posted["hits"][0]) == set(shown["hits"][0])
    assert len(posted["hits"]) == len(got["hits"]) == 3
    assert set(got["hits"][0]) == {*shown["hits"][0], "details"}
    assert got["hits"][0]["details"]["rank"] == 1


def test_the_rerank_api(live: Live) -> None:
    (found,) = answers(live, section("rerank_api.md", "The rerank API"))
    assert [row["index"] for row in found["results"]] == [row["index"] for row in found["data"]] == [0, 1]
    assert found["meta"]["secondpass"]["activation"] == "sigmoid"
