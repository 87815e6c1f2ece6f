"""The embedded servers are the real ones: version, plugins, protocol."""

import json
import urllib.request
from typing import Any

import redis
from celery import Celery


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


def test_opensearch_has_its_plugins(opensearch_url: str) -> None:
    assert get(opensearch_url)["version"]["number"] == "3.6.0"
    plugins = {row["component"] for row in get(f"{opensearch_url}/_cat/plugins?format=json")}
    assert plugins == {"opensearch-knn", "opensearch-neural-search"}


def test_elasticsearch_is_the_version_asked_for(elasticsearch_url: str) -> None:
    nodes = get(f"{elasticsearch_url}/_nodes?filter_path=nodes.*.version")["nodes"]
    assert [node["version"] for node in nodes.values()] == ["9.5.3"]


def test_valkey_and_redis_speak_the_protocol(valkey_url: str, redis_url: str) -> None:
    for url, name in ((valkey_url, "valkey"), (redis_url, "redis")):
        with redis.Redis.from_url(url) as client:
            assert client.info("server").get("server_name", "redis") == name
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_brokers_carry_a_message(broker_url: str, rabbitmq_url: str) -> None:
    for url in (broker_url, rabbitmq_url):
        app = Celery(broker=url)
        with (
            app.connection_for_write() as connection,
            connection.SimpleQueue("greeting", queue_opts={"auto_delete": True}) as queue,
        ):
            queue.put({"hello": "worker"})
            message = queue.get(timeout=10)
            message.ack()
            assert message.payload == {"hello": "worker"}
