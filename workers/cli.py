"""`secondpass worker`: one worker process for one role."""

import logging
import os
import signal
import time
from enum import StrEnum
from types import FrameType
from typing import Annotated, NoReturn

import typer

EXIT_CONFIG = 78  # EX_CONFIG
log = logging.getLogger("secondpass.worker")


class Role(StrEnum):
    SCORE = "score"
    EMBED = "embed"


def worker(
    role: Annotated[Role, typer.Option(help="score pairs, or embed texts")] = Role.SCORE,
    model: Annotated[str, typer.Option(help="name of a model in secondpass.toml, or 'stub'; default: its first")] = "",
    config: Annotated[str, typer.Option(help="settings file; default: $SECONDPASS_CONFIG or ./secondpass.toml")] = "",
) -> None:
    """Run one worker: loads its model, takes tasks from the broker, leaves cleanly on SIGTERM.

    Examples:

      secondpass worker --role score --model products-en

      secondpass worker --role embed --config /etc/secondpass.toml
    """
    started = time.monotonic()
    # OpenMP's idle threads spin by default: on a shared machine one query vector took 12 s so, 0.1 s without spinning
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _leave)  # until Celery takes over: nothing is under way while loading
    from connector.addresses import check_addresses
    from connector.errors import ConfigError
    from connector.settings import Model, load
    from workers.app import make_app
    from workers.clock import Clock
    from workers.logs import set_up
    from workers.replies import connect, reply_url
    from workers.worker import embed_duty, score_duty, serve

    set_up()
    try:
        settings = load(config or None)
        check_addresses(settings)
        server, clock = connect(reply_url(settings.broker.url, settings.redis.url)), Clock()
        if role is Role.EMBED:
            duty = embed_duty(settings.embedder, server, clock)
        else:
            names = [one.name for one in settings.model]
            if model and model not in [*names, "stub"]:
                raise ConfigError(f"--model {model!r}: the settings have {', '.join(names)}")
            if model in names or not model:
                chosen = settings.model_named(model or names[0])
            else:
                chosen = Model(name="stub", source="stub")
            duty = score_duty(chosen, server, clock)
    except ConfigError as error:
        log.error("cannot start: %s", error)
        raise typer.Exit(EXIT_CONFIG) from None
    raise typer.Exit(serve(make_app(settings.broker.url), duty, server, clock, started))


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
