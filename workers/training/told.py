"""What a command was told: as a line that can be run again, and as what a folder of runs belongs to.

Rule: options come in the order of the help; only those that were given are in the line, quoted for a shell. A folder's
`run.json` holds all that decide what is learnt, and the SHA-256 of the data; a command with others is refused there,
once there is something of a run beside it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer

from connector.credentials import without_passwords
from connector.errors import ConfigError
from workers.whole import write_whole

FILE = "run.json"
DATA = "data_sha256"
FREE = {
    "out",
    "seed",
    "device",
    "engine_url",
    "config",
    "dialect",
    "minutes",
    "save_every",
    "languages",
    "max_query_chars",
}
"""Options that may differ when a run goes on: where and how long it runs, more seeds, what the card says."""

INHERITED = ("fields", "text_field", "embedder")
"""Options that a folder's runs decide where they are not given: what they come to depends on index and settings."""


def command_line(context: typer.Context) -> str:
    """Return the command of this context with the options that the user gave, and no user and password of an address:
    the line stands in the model's card.
    """
    words = ["secondpass", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        if not _given(context, name):
            continue
        value = context.params[name]
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [parameter.opts[0]] if one is True else [parameter.opts[0], str(one)]
    return shlex.join(map(without_passwords, words))


def refuse(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Raise ConfigError where the user gave one of these options, which would do nothing."""
    given = [_option(name) for name in names if _given(context, name)]
    if given:
        raise ConfigError(f"{', '.join(given)}: {why}; leave it out")


def inherited(context: typer.Context, out: Path, name: str) -> str:
    """Return the value of an option that may be left out: then it is that of the folder's runs, if there are some."""
    return str(context.params[name] if _given(context, name) else _before(out).get(name) or context.params[name])


def claim(context: typer.Context, out: Path, found: Mapping[str, str] = MappingProxyType({}), data: str = "") -> None:
    """Make the folder, and note there what its runs are told; `found` is what options of `INHERITED` came to, `data`
    the hash of what is learnt from. Raises ConfigError where it holds runs of another kind: their pairs and finished
    seeds would be taken for those of this command. Of a version that noted no hash any data are taken.
    """
    told: dict[str, object] = {"command": context.info_name}
    told |= {name: _plain(value) for name, value in context.params.items() if name not in FREE}
    told |= {name: inherited(context, out, name) for name in INHERITED if name in told} | dict(found)
    before = _before(out) or told
    usual = {str(option.name): _plain(option.get_default(context)) for option in context.command.params}
    for name, other in sorted(told.items()):
        one = before.get(name, usual.get(name))  # a version before the option did as its default says
        if name in INHERITED and (not one or _tight(one) == _tight(other)):
            continue
        if (one or None) != (other or None):
            raise ConfigError(
                f"{out} holds a run with {_option(name)} {one if one else 'not given'}, and this is "
                f"{other if other else 'without'}: go on with the same options, or take another --out"
            )
    if before.get(DATA, data) != data:
        raise ConfigError(
            f"{out} holds a run on other data: queries, grades, labels, clicks, dev or documents have changed since, "
            "and what it learnt may be in today's dev; put back what it began with, or take another --out"
        )
    told[DATA] = data
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / FILE, lambda part: part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8"))


def _before(out: Path) -> dict[str, Any]:
    """What the folder's runs were told; nothing where none has left a file: a command that failed is no run."""
    path = out / FILE
    left = any(other.is_file() for other in out.rglob("*") if other != path)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if left and path.exists() else {}


def _tight(fields: object) -> str:
    """A comma-separated list without the white space around its names."""
    return ",".join(part.strip() for part in str(fields).split(","))


def _given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _plain(value: object) -> object:
    """Return what JSON gives back as it was."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
