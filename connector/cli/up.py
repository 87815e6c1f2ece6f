"""`secondpass up`: the whole stack on this machine, in front of an engine of its own or of yours."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from connector.cli.where import LAST_PORT, Config
from connector.credentials import without_passwords
from connector.local.processes import stopped_by_signals
from connector.local.stack import Stack, Wish, running

_Engine = Literal["opensearch", "elasticsearch"]
StackPort = Annotated[
    int, typer.Option(min=1, max=LAST_PORT, help="The proxy's port; the parts take the four that follow.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the engine's data; default: in the cache folder ($SECONDPASS_CACHE, ~/.cache/secondpass)."
    ),
]


def up(
    engine: Annotated[
        _Engine, typer.Option(help="Which engine to start; elasticsearch needs a JDK 21.")
    ] = "opensearch",
    engine_url: Annotated[str, typer.Option(help="Use the engine at this URL and start none.")] = "",
    redis_url: Annotated[str, typer.Option(help="Use this server for the cache and start none.")] = "",
    broker_url: Annotated[str, typer.Option(help="Use this broker, redis:// or amqp://, and start none.")] = "",
    port: StackPort = 9280,
    config: Config = None,
    data: Data = None,
) -> None:
    """Start engine, cache, broker, workers and proxy on this machine, until Ctrl-C.

    Examples:

      secondpass up --engine-url http://127.0.0.1:9200 --config secondpass.toml

      secondpass up --engine elasticsearch --port 9380
    """
    console = Console(stderr=True)
    wish = Wish("up", engine, engine_url, redis_url, broker_url, port, config, data)
    with stopped_by_signals(), running(wish, console) as stack:
        welcome(stack, console)
        stack.supervisor.watch(say(console))


def welcome(stack: Stack, console: Console) -> None:
    """What is there, and what is missing for a search to be reranked."""
    console.print(addresses(stack))
    if not stack.settings.policy:
        say(console)("No [[policy]] in the settings: every search passes through as it is (README, Settings).")


def say(console: Console) -> Callable[[str], None]:
    """Print a line as it is, however long and whatever brackets it has."""
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


def addresses(stack: Stack) -> Table:
    """Where the parts listen, without passwords."""
    table = Table("", Column(overflow="fold"), title="Stop with Ctrl-C", title_justify="left", show_header=False)
    places = {
        "proxy": stack.url,
        "engine": stack.engine_url,
        "cache": stack.settings.redis.url,
        "broker": stack.settings.broker.url,
        "logs": str(stack.run),
    }
    for name, place in places.items():
        table.add_row(name, Text(without_passwords(place)))
    return table
