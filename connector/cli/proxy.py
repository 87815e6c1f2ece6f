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

    uvloop.run(_serve(settings, shared=shared))


async def _serve(settings: Settings, *, shared: bool) -> None:
    from connector.dialects.controls import render_outcome
    from connector.proxy.known import KnownEngine
    from connector.proxy.serve import open_upstream, serve
    from connector.types import Answer, Call

    upstream, engine = open_upstream(settings), KnownEngine(settings.engine)
    await engine.find()

    async def search(call: Call, names: tuple[str, ...]) -> Answer:
        return Answer(await upstream.fetch(call, settings.engine.engine_timeout_ms / 1000))

    async def find_missing() -> list[str]:
        return []

    await serve(
        settings,
        upstream,
        search=search,
        matches=lambda names: False,
        render_outcome=render_outcome,
        dialect=engine.dialect,
        find_engine=engine.find,
        find_missing=find_missing,
        shared=shared,
        listening=lambda port: print(
            f"secondpass proxy: http://{settings.proxy.host}:{port} before {', '.join(settings.engine.url)}",
            file=sys.stderr,
            flush=True,
        ),
    )
