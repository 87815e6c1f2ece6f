"""What a command was told: as a line that can be run again, and as what a folder of runs belongs to.

Rule: options come in the order of the help; only those that were given are in the line, quoted for a shell. A folder's
`run.json` holds all that decide what is learnt, and a command with others is refused there.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from connector.errors import ConfigError
from workers.training.state import write_whole

FILE = "run.json"
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


def command_line(context: typer.Context) -> str:
    """Return the command of this context with the options that the user gave."""
    words = ["secondpass", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        if not _given(context, name):
            continue
        value = context.params[name]
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [parameter.opts[0]] if one is True else [parameter.opts[0], str(one)]
    return shlex.join(words)


def refuse(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Raise ConfigError where the user gave one of these options, which would do nothing."""
    given = [_option(name) for name in names if _given(context, name)]
    if given:
        raise ConfigError(f"{', '.join(given)}: {why}; leave it out")


def claim(context: typer.Context, out: Path) -> None:
    """Make the folder, and note there what its runs are told. Raises ConfigError where it holds runs of another kind:
    their pairs and finished seeds would be taken for those of this command.
    """
    told: dict[str, object] = {"command": context.info_name}
    told |= {name: _plain(value) for name, value in context.params.items() if name not in FREE}
    out.mkdir(parents=True, exist_ok=True)
    path = out / FILE
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else told
    for name in sorted((before.keys() & told.keys()) - FREE):  # a later version's new option is no other run
        one, other = before[name], told[name]
        if one != other:
            raise ConfigError(
                f"{out} holds a run with {_option(name)} {one if one else 'not given'}, and this is "
                f"{other if other else 'without'}: go on with the same options, or take another --out"
            )
    write_whole(path, lambda part: part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8"))


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
