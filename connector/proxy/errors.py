"""One table: what secondpass has to say as an error, in the engine's own shape."""

from http import HTTPStatus

import orjson

from connector.errors import SecondpassError
from connector.proxy.wire import Fields
from connector.types import Headers

CONTENT_TYPE = {"opensearch": b"application/json; charset=UTF-8", "elasticsearch": b"application/json"}


def describe(error: Exception) -> tuple[int, str, str]:
    """Status, `type` and `reason`. An error that nobody foresaw says nothing of our inside."""
    if isinstance(error, SecondpassError):
        return error.status, error.code, str(error) or error.code
    return SecondpassError.status, SecondpassError.code, "secondpass failed to answer; its log says more"


def render(error: Exception, dialect: str, asked: Headers = ()) -> tuple[int, bytes, Fields, bytes]:
    """Status, reason phrase, fields and body of the answer to a request whose fields were `asked`."""
    status, code, reason = describe(error)
    cause = {"type": code, "reason": reason}
    body = orjson.dumps({"error": {"root_cause": [cause], **cause}, "status": status})
    fields = [(b"Content-Type", CONTENT_TYPE.get(dialect, CONTENT_TYPE["opensearch"]))]
    if dialect == "elasticsearch":  # its clients refuse answers without it; OpenSearch never sends it
        fields.insert(0, (b"X-Elastic-Product", b"Elasticsearch"))
    fields += [(b"X-Opaque-Id", value) for name, value in asked if name.lower() == b"x-opaque-id"]
    return status, HTTPStatus(status).phrase.encode(), fields, body
