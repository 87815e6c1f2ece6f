"""`secondpass proxy`: the HTTP side alone, in the foreground."""

import sys
from typing import Annotated

import typer

from connector import logs
from connector.addresses import check_addresses
from connector.cli.where import Config
from connector.extras import need
from connector.settings import Settings, load


def proxy(
    config: Config = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Listen here instead of proxy.port; 0: any that is free.")
    ] = None,
) -> None:
    """Run the proxy in front of the engine, until SIGTERM or Ctrl-C.

    Examples:

      secondpass proxy --config /etc/secondpass.toml

      SECONDPASS_ENGINE__URL=http://engine:9200 secondpass proxy --port 9281
    """
    logs.set_up()
    settings = load(config)
    check_addresses(settings)
    need("proxy", "proxy", "httptools", "uvloop")
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
