"""The official clients by what differs between them, and answers without what differs between any two."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import elasticsearch
import elasticsearch.dsl
import elasticsearch.helpers
import opensearchpy
import opensearchpy.helpers

ONE_SHARD = {"number_of_shards": 1, "number_of_replicas": 0}
PROPERTIES = {"properties": {"name": {"type": "text"}, "kind": {"type": "keyword"}, "price": {"type": "long"}}}
MATCH = {"match": {"name": "rain jacket"}}


@dataclass(frozen=True, slots=True)
class Library:
    """One client library. `ignoring` gives a client, and options of one call, that take a 404 as an answer."""

    helpers: ModuleType
    sync: type[Any]
    later: type[Any]
    patience: str
    error: type[Exception]
    search: type[Any]
    ignoring: Callable[[Any], tuple[Any, dict[str, Any]]]

    def open(self, url: str, **options: Any) -> Any:
        return self.sync(url, **{self.patience: 60}, **options)

    def open_later(self, url: str, **options: Any) -> Any:
        """The client for asyncio."""
        return self.later(url, **{self.patience: 60}, **options)


OPENSEARCH = Library(
    opensearchpy.helpers,
    opensearchpy.OpenSearch,
    opensearchpy.AsyncOpenSearch,
    "timeout",
    opensearchpy.OpenSearchException,
    opensearchpy.Search,
    lambda client: (client, {"ignore": 404}),
)
ELASTICSEARCH = Library(
    elasticsearch.helpers,
    elasticsearch.Elasticsearch,
    elasticsearch.AsyncElasticsearch,
    "request_timeout",
    elasticsearch.ApiError,
    elasticsearch.dsl.Search,
    lambda client: (client.options(ignore_status=404), {}),
)
LIBRARIES = {"opensearch": OPENSEARCH, "elasticsearch": ELASTICSEARCH}


def document(number: int) -> dict[str, Any]:
    kind = ("rain", "wool", "down")[number % 3]
    return {"name": f"{kind} jacket {number}", "kind": kind, "price": number}


def comparable(value: Any) -> Any:
    """Answers without what differs between any two: times, the index's name, identifiers made for the answer."""
    if isinstance(value, Exception):
        told = getattr(value, "info", None) or getattr(value, "errors", None) or getattr(value, "body", None)
        return [type(value).__name__, getattr(value, "status_code", None), comparable(told)]
    if hasattr(value, "body"):
        value = value.body
    if isinstance(value, dict):
        left = ("took", "_index", "_scroll_id", "pit_id", "_seq_no", "creation_time", "index_uuid")
        return {key: comparable(each) for key, each in value.items() if key not in left}
    if isinstance(value, (list, tuple)):
        return [comparable(each) for each in value]
    return re.sub(r"test-\d+-\d+\w?", "INDEX", value) if isinstance(value, str) else value
