"""Health of a worker's container: whether a worker of this host has announced itself within the last beats."""

import json
import os
import socket
import sys

import redis

from connector.contract import LIVE_S
from connector.servers import redis_url, reply_url
from connector.settings import load


def announced(host: str) -> bool:
    """Whether any role or model of `host` is alive on the reply server."""
    with redis.Redis.from_url(redis_url(reply_url(load())), socket_timeout=2) as client:
        now, _ = client.time()
        for key in client.scan_iter(match="secondpass:workers:*"):
            for member in client.zrange(key, now - LIVE_S, "+inf", byscore=True):
                if json.loads(member)["host"] == host:
                    return True
    return False


if __name__ == "__main__":
    sys.exit(0 if announced(os.environ.get("HOSTNAME") or socket.gethostname()) else 1)
