"""What a command was told, as a line that can be run again. Rule: options come in the order of the help, only those
that were given, quoted for a shell."""

from __future__ import annotations

import shlex

import typer


def command_line(context: typer.Context) -> str:
    """Return the command of this context with the options that the user gave."""
    words = ["secondpass", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [parameter.opts[0]] if one is True else [parameter.opts[0], str(one)]
    return shlex.join(words)
