"""A real RabbitMQ of Debian, installed or unpacked by `make services`, as child processes on loopback.

Erlang's port mapper would detach itself from us when RabbitMQ starts it, and stay; so it is a part of its own, in the
foreground, on a port of its own.
"""

import os
import shutil
import socket
from pathlib import Path

from connector.errors import PartFailed
from connector.local.processes import Part, free_port
from tests.debian import libraries, unpacked


def rabbitmq(port: int, folder: Path) -> tuple[Part, Part]:
    """Port mapper and broker, to be started in this order. Raises PartFailed where RabbitMQ is not there."""
    root = _root()
    folder.mkdir(parents=True, exist_ok=True)
    mapper = free_port()
    environment = {
        "PATH": f"{root}usr/lib/erlang/bin:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
    } | libraries()
    server = environment | {
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }
    script = next(Path(f"{root}usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return (
        Part(
            name="epmd",
            command=("epmd", "-port", str(mapper), "-address", "127.0.0.1"),
            log=folder / "epmd.log",
            ready=lambda: _connects(mapper),
            environment=environment,
            ports=(mapper,),
        ),
        Part(
            name="rabbitmq",
            command=("sh", str(script)),
            log=folder / "rabbitmq.log",
            ready=lambda: _speaks_amqp(port),
            limit_s=180.0,
            environment=server,
            folder=folder,
            ports=(port,),
        ),
    )


def _root() -> str:
    """The folder that RabbitMQ's and Erlang's `usr` lie in."""
    if shutil.which("erl") and Path("/usr/lib/rabbitmq/lib").is_dir():
        return "/"
    if (unpacked() / "usr/lib/rabbitmq/lib").is_dir():
        return f"{unpacked()}/"
    raise PartFailed("rabbitmq is neither installed nor unpacked; run `make services` (needs apt)")


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _speaks_amqp(port: int) -> bool:
    """The listener answers the protocol header: it opens a little before the broker serves."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
