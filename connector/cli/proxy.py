"""`secondpass proxy`: the HTTP side alone, in the foreground."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from connector.settings import Settings, load


def proxy(
    config: Annotated[Path | None, typer.Option(help="Settings; default: ./secondpass.toml where it is.")] = None,
    port: Annotated[int | None, typer.Option(help="Listen here instead of proxy.port.")] = None,
) -> None:
    """Run the proxy in front of the engine, until SIGTERM or Ctrl-C."""
    settings = load(config)
    if port is not None:
        settings = settings.model_copy(update={"proxy": settings.proxy.model_copy(update={"port": port})})
    count = settings.proxy.processes
    if count == 1:
        _run(settings, shared=False)
        return
    from connector.proxy.processes import run

    print(f"secondpass proxy: {count} processes", file=sys.stderr)
    raise typer.Exit(run(count, lambda: _run(settings, shared=True)))


def _run(settings: Settings, *, shared: bool) -> None:
    import uvloop  # here and below: several processes must not import the metrics before they are several

    from connector.proxy.compose import run

    def listening(port: int) -> None:
        engines = ", ".join(settings.engine.url)
        print(f"secondpass proxy: http://{settings.proxy.host}:{port} before {engines}", file=sys.stderr, flush=True)

    uvloop.run(run(settings, shared=shared, listening=listening))
