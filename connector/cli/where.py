"""Where a command finds the servers: the settings, the stack that `secondpass up` runs, or addresses given to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from connector.local.runs import find_addresses, running_ports
from connector.settings import Settings, load

LAST_PORT = 65_531  # of a stack: its parts take the four ports behind its proxy's

Config = Annotated[
    Path | None, typer.Option(help="Settings; default: $SECONDPASS_CONFIG, else ./secondpass.toml where it is.")
]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=LAST_PORT, help="Use the stack of `secondpass up` at this port (its default: 9280)."),
]
EngineUrl = Annotated[str, typer.Option(help="Use the engine at this URL.")]
RedisUrl = Annotated[str, typer.Option(help="Use the cache server at this URL.")]
BrokerUrl = Annotated[str, typer.Option(help="Use the broker at this URL, redis:// or amqp://.")]


def own_stack(words: Sequence[str]) -> str:
    """A line on what to add to the command line `words`, which reached no engine; "" where none of our stacks runs
    here, or the line names a place.
    """
    ports = running_ports()
    if not ports or any(word.startswith(("--port", "--engine-url")) for word in words):
        return ""
    proxy = f"--engine-url http://127.0.0.1:{ports[0]}"
    return f"a stack runs here; add {proxy if words[0] in ('train', 'distil') else f'--port {ports[0]}'}\n"


def settings_at(
    config: Path | None, port: int | None = None, engine_url: str = "", redis_url: str = "", broker_url: str = ""
) -> Settings:
    """The settings, with the addresses of the stack at `port` and then those given. Raises ConfigError.

    Without a `config` of one's own the stack's is read, if it has one.
    """
    stack = {} if port is None else find_addresses(port)
    own = Path(stack["config"]) if "config" in stack else None
    settings = load(config or own)
    if port is not None:  # what the stack noted, else the ports of `connector.local.stack`
        engine_url = engine_url or stack.get("engine", f"http://127.0.0.1:{port + 1}")
        redis_url = redis_url or stack.get("redis", f"redis://127.0.0.1:{port + 3}/0")
        broker_url = broker_url or stack.get("broker", f"redis://127.0.0.1:{port + 4}/0")
    return settings.model_copy(
        update={
            "engine": settings.engine.model_copy(update={"url": [engine_url]} if engine_url else {}),
            "redis": settings.redis.model_copy(update={"url": redis_url} if redis_url else {}),
            "broker": settings.broker.model_copy(update={"url": broker_url} if broker_url else {}),
        }
    )
