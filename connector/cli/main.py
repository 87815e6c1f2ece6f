"""The `secondpass` command: finds its commands among the entry points of group `secondpass.commands`.

Only the module of the command that is called is imported, so that `secondpass proxy` never loads a model library and
`secondpass --help` loads nothing: the one-line helps are read from the sources' docstrings.
"""

import ast
import errno
import importlib.util
import os
import re
import shutil
import sys
from gzip import BadGzipFile
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.errors import ConfigError, EngineUnreachable, SecondpassError
from connector.extras import lacks

GROUP = "secondpass.commands"
IN_WORDS = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it or the largest file


def main() -> None:
    """Run the command line. Exit status 2: wrong settings, wrong usage, no such package; 1: it failed; 130: Ctrl-C."""
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        build(called)()
    except KeyboardInterrupt:
        sys.exit(130)
    except SecondpassError as error:
        print(error, file=sys.stderr)
        if isinstance(error, EngineUnreachable):
            from connector.cli.where import own_stack

            sys.stderr.write(own_stack(sys.argv[1:]))
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except ModuleNotFoundError as error:
        if not (hint := lacks(called, error)):
            raise
        print(hint, file=sys.stderr)
        sys.exit(2)
    except (UnicodeDecodeError, BadGzipFile) as error:
        print(f"a file is not text in UTF-8, the settings or one that was named: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        failed = of_system(error)
        if failed is None or (failed.errno and not failed.filename and failed.errno not in NO_ROOM):
            raise  # nothing that the caller named: a fault, with its place
        where = f" ({failed.filename})" if failed.filename else ""
        again = ": make room and run the same again; what goes on, goes on" if failed.errno in NO_ROOM else ""
        print(f"{failed.strerror or failed}{where}{again}", file=sys.stderr)
        sys.exit(1)


def of_system(error: Exception) -> OSError | None:
    """The OSError that this is, or that shutil.copytree and safetensors put into words; None where there is none."""
    if isinstance(error, OSError) and not isinstance(error, shutil.Error):
        return error
    if not (told := IN_WORDS.search(str(error))):
        return None
    number = int(told[1] or told[2])
    copied = error.args[0][0][1] if isinstance(error, shutil.Error) else None
    return OSError(number, os.strerror(number), copied)


def build(called: str) -> typer.Typer:
    """All commands; only that of the name `called` is imported, the others can be listed."""
    app = typer.Typer(name="secondpass", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(secondpass)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        add(app, entry, entry.load() if entry.name == called else None)
    return app


def add(app: typer.Typer, entry: EntryPoint, command: Any) -> None:
    """Add an entry point: a function, a Typer app of several commands, or None where it is only to be listed."""
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=entry.name)
    else:
        app.command(entry.name, help=None if command else summary(entry))(command or _listed)


def summary(entry: EntryPoint) -> str:
    """First line of the docstring of an entry point's function, read without importing its module."""
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _listed() -> None:
    """Stands for a command that was not called."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("secondpass"))
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")]


def secondpass(wanted: _Version = False) -> None:
    """A second pass for Elasticsearch and OpenSearch: a cross-encoder rereads the best candidates."""


if __name__ == "__main__":
    main()
