"""Every `secondpass` command line in the README and the docs names a command that there is, with options it has."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from connector.cli.main import build

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bench").rglob("*.md"))]


def documented() -> list[tuple[str, list[str]]]:
    """Page and words of each command line, from the fenced blocks of shell."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in re.sub(r"\\\n", " ", block).splitlines():
                said = line.strip().removeprefix("$ ")
                if said.startswith("secondpass "):
                    found.append((page.relative_to(ROOT).as_posix(), shlex.split(said, comments=True)[1:]))
    return found


@cache
def command(name: str) -> Any:  # typer brings a click of its own, whose types have no public name
    return typer.main.get_command(build(name)).commands[name]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("page", "words"), documented(), ids=lambda value: value if isinstance(value, str) else value[0]
)
def test_commands_and_options_exist(page: str, words: list[str]) -> None:
    name, *rest = words
    if name.startswith("-"):
        return
    called = command(name)
    if hasattr(called, "commands"):
        called = called.commands[rest.pop(0)]
    known = {option for one in called.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
    given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert given <= known, f"{page}: {given - known}"


def test_there_are_such_lines() -> None:
    assert len(documented()) > 20
