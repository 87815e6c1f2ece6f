"""Replies arrive in order, and a server that goes costs one push and is found again."""

import time

import msgpack
import pytest
import redis

from tests.connector.stage import Server, own_server
from workers.replies import SERVER_TIMEOUT_S, Replies, ReplyLost, connect

LIST = "secondpass:reply:test"


def heard(server: Server) -> list[object]:
    with redis.Redis.from_url(server.url) as client:
        found = client.lrange(LIST, 0, -1)
        assert not found or 0 < client.ttl(LIST) <= 60
        return [msgpack.unpackb(one) for one in found]


def test_replies_arrive_in_order_and_expire() -> None:
    with own_server() as server:
        replies = Replies(connect(server.url))
        for number in range(500):
            replies.push(LIST, [{"n": 2 * number}, {"n": 2 * number + 1}])
        assert heard(server) == [{"n": number} for number in range(1000)]


def test_a_server_that_came_back_is_found_again() -> None:
    with own_server() as server:
        replies = Replies(connect(server.url))
        replies.push(LIST, [{"n": 1}])
        server.child.kill()
        with pytest.raises(ReplyLost):
            replies.push(LIST, [{"n": 2}])
        server.start()
        replies.push(LIST, [{"n": 3}])
        assert heard(server) == [{"n": 3}]


def test_what_the_server_refused_is_said_at_the_next_push() -> None:
    with own_server() as server, redis.Redis.from_url(server.url) as client:
        client.set(LIST, "no list")
        replies = Replies(connect(server.url))
        replies.push(LIST, [{"n": 1}])
        with pytest.raises(ReplyLost):
            replies.push(LIST, [{"n": 2}])
        client.delete(LIST)
        replies.push(LIST, [{"n": 3}])
        assert heard(server) == [{"n": 3}]


def test_a_frozen_server_does_not_hold_the_worker() -> None:
    with own_server() as server:
        replies = Replies(connect(server.url))
        replies.push(LIST, [{"n": 1}])
        assert heard(server) == [{"n": 1}]  # a server frozen before it answers costs the next push, not the one after
        server.child.freeze()
        replies.push(LIST, [{"n": 2}])
        began = time.monotonic()
        with pytest.raises(ReplyLost):
            replies.push(LIST, [{"n": 3}])
        assert time.monotonic() - began < SERVER_TIMEOUT_S + 1


def test_a_task_reaches_no_other_key() -> None:
    with own_server() as server, redis.Redis.from_url(server.url) as client:
        client.set("secondpass:scores:1", "kept")
        replies = Replies(connect(server.url))
        with pytest.raises(ReplyLost, match="no list of replies"):
            replies.push("secondpass:scores:1", [{"n": 1}])
        replies.push(LIST, [{"n": 2}])
        assert heard(server) == [{"n": 2}]
        assert client.ttl("secondpass:scores:1") == -1
