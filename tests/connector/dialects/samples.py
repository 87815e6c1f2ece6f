"""Requests, policies and answers that these tests share."""

import json
from typing import Any

from connector.dialects.asked import added_fields
from connector.dialects.request import SearchRequest, read_request
from connector.settings import Model, Policy
from connector.types import Call, Plan

MODEL = Model(name="products-en", source="bundled:products-en", languages=["en"])


def policy(**changes: Any) -> Policy:
    values = {"name": "shop", "indices": ["products*"], "fields": ["name", "brand", "description"]}
    return Policy(**(values | changes))


def call(body: object = None, target: str = "/products/_search", **headers: str) -> Call:
    """A search; `body` as bytes, or as what json makes of it."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [(b"Content-Type", b"application/json")] if raw and "Content_Type" not in headers else []
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Call("POST" if raw else "GET", target.encode(), fields, raw)


def read(body: object = None, target: str = "/products/_search", **headers: str) -> SearchRequest:
    request = read_request(call(body, target, **headers))
    assert request is not None
    return request


def planned(request: SearchRequest, *fields: str) -> Plan:
    """The plan to rerank `request` by these fields."""
    return Plan(policy="shop", fields=fields, added=added_fields(request, fields))
