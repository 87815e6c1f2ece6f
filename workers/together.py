"""Workers of a model that start at the same moment compute in one class: the first to have measured decides.

Each would else take what is fastest on its own machine before it sees another announced, and of several fingerprints
proxies ask the newest alone.
"""

import logging

from redis import Redis
from redis.exceptions import RedisError

STARTING_S = 60  # a worker loads, measures and announces itself in less
log = logging.getLogger("secondpass.worker")


def starting_key(model: str) -> str:
    """Holds the fingerprint that the first of the workers that start now took."""
    return f"secondpass:starting:{model}"


def first_choice(server: Redis, model: str, fingerprint: str) -> str:
    """What the first one took; `fingerprint` where this is the first, or the server cannot be asked."""
    key = starting_key(model)
    try:
        server.set(key, fingerprint, nx=True, ex=STARTING_S)
        taken: bytes | None = server.get(key)  # type: ignore[assignment]
    except RedisError as error:
        log.warning("not agreed with workers that start now: %s", error)
        return fingerprint
    return taken.decode() if taken else fingerprint
