"""`/_secondpass/search`: a search in plain words, carried out as an ordinary `_search` of the same caller.

The question becomes the engine's own request, so that policy, pages, credentials and every promise are those of the
main road; the answer is its hits in a simpler shape.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connector.engines.base import Dialect
from connector.errors import BadRequest
from connector.settings import Policy
from connector.types import Answer, Call, Headers, Outcome
from connector.vectors import FIELD

REPLACED = frozenset(b"accept accept-charset accept-encoding expect".split())
"""Fields of the caller's request that are not the engine's, beside those of the body (`content-*`). All others go
along: any of them may say who asks."""

MOST = 2**31 - 1  # engines read both numbers as Java's int
MOST_FILTERS = 1024  # as many clauses as engines take in one query, unless they are told otherwise
MOST_KEYS = 20
MOST_TOLD = 5  # of what is wrong with a request

ANSWERED = frozenset(b"content-type x-elastic-product x-opaque-id x-opensearch-version warning".split())
"""Fields of the engine's answer that ours keeps."""


OPTIONAL = frozenset(("size", "from", "filter", "policy", "details"))


class Question(BaseModel):
    """The body of a request. Types are those of JSON; null says what an optional key left out says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    expected: ClassVar[str] = "expected keys: index, query, size, from, filter, policy, details"

    index: str = Field(min_length=1)
    query: str = Field(min_length=1)
    size: int = Field(10, ge=0, le=MOST)
    first: int = Field(0, ge=0, le=MOST, alias="from")
    filter: list[dict[str, Any]] = Field([], max_length=MOST_FILTERS)
    policy: str | None = None
    details: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value is not None or name not in OPTIONAL}


class Parameters(Question):
    """The parameters of a GET: text that is read as what it should be, and `q` for the words, as engines have it."""

    model_config = ConfigDict(strict=False)
    expected: ClassVar[str] = "expected parameters: index, q, size, from, policy, details"

    query: str = Field(min_length=1, alias="q")


def read_question(method: str, target: bytes, body: bytes) -> Question:
    """Raises BadRequest with what is wrong and what would be right."""
    plain = method == "GET" and not body
    kind = Parameters if plain else Question
    given = _read_parameters(target.partition(b"?")[2]) if plain else _read_body(body)
    if len(given) > MOST_KEYS:
        raise BadRequest(f"{len(given)} keys; {kind.expected}")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        said = "; ".join(f"[{'.'.join(map(str, e['loc']))}] {e['msg']}" for e in error.errors()[:MOST_TOLD])
        raise BadRequest(f"{said}; {kind.expected}") from error


def _read_body(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the request is not JSON in UTF-8: {error}") from error
    if not isinstance(given, dict):
        raise BadRequest('the body must be an object like {"index": "products", "query": "rain jacket"}')
    return given


def _read_parameters(raw: bytes) -> dict[str, str]:
    try:
        given = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_KEYS)
    except UnicodeDecodeError as error:
        raise BadRequest(f"the parameters are not UTF-8: {error}") from error
    except ValueError as error:
        raise BadRequest(f"more than {MOST_KEYS} parameters; {Parameters.expected}") from error
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequest(f"[{', '.join(twice)}] is there more than once")
    return dict(given)


def engine_call(question: Question, headers: Headers, policy: Policy | None, dialect: Dialect) -> Call:
    """The `_search` that answers the question. Without a policy all fields are searched. Raises BadRequest for a filter
    that cannot be written.
    """
    fields = policy.fields if policy else ["*"]
    controls: dict[str, object] = {"details": True}
    if question.policy:
        controls["policy"] = question.policy
    body = {
        "from": question.first,
        "size": question.size,
        "query": dialect.lexical_query(question.query, fields, question.filter),
    }
    if policy:
        body["ext"] = {"secondpass": controls}
        if policy.vector_field:  # 384 numbers a hit that nobody asked to see
            body["_source"] = {"excludes": [policy.vector_field]}
    kept = [(name, value) for name, value in headers if not _is_replaced(name.lower())]
    target = f"/{quote(question.index, safe='*,-_.<>:+')}/_search".encode()
    try:
        written = orjson.dumps(body)
    except orjson.JSONEncodeError as error:  # more than 254 levels
        raise BadRequest(f"[filter] cannot be sent: {error}") from error
    return Call("POST", target, [*kept, (b"Content-Type", b"application/json")], written)


def _is_replaced(name: bytes) -> bool:
    return name in REPLACED or name.startswith(b"content-")


def write_answer(question: Question, answer: Answer, began: float) -> bytes:
    """The engine's answer in the simple shape. `began` is in seconds of `perf_counter`."""
    found = _answer.decode(answer.reply.body).hits
    total = found.total
    return orjson.dumps(
        {
            "total": total["value"] if isinstance(total, dict) else total,
            "took_ms": round((perf_counter() - began) * 1000, 1),
            "hits": [
                _hit(hit, rank, question.details) for rank, hit in enumerate(found.hits, start=question.first + 1)
            ],
            "rerank": outcome_json(answer.outcome),
        }
    )


def outcome_json(outcome: Outcome | None) -> dict[str, object]:
    """`rerank` of the answer: state, counts, and whatever else there is to say."""
    if outcome is None:
        return {"state": "skipped", "reason": "opt_out", "scored": 0, "cached": 0, "window": 0, "ms": 0.0, "model": ""}
    said: dict[str, object] = {
        "state": outcome.state,
        "scored": outcome.scored,
        "cached": outcome.cached,
        "window": outcome.window,
        "ms": round(outcome.ms, 1),
        "model": outcome.model,
    }
    optional = {
        "reason": outcome.reason,
        "knn": outcome.knn,
        "activation": outcome.activation or None,
        "pages": "unstable" if outcome.pages_unstable else None,
    }
    return said | {name: value for name, value in optional.items() if value is not None}


class _Hits(msgspec.Struct):
    hits: list[dict[str, msgspec.Raw]]
    total: Any = 0


class _Answer(msgspec.Struct):
    hits: _Hits


_answer = msgspec.json.Decoder(_Answer)


def _hit(hit: Mapping[str, msgspec.Raw], rank: int, details: bool) -> dict[str, object]:
    ours = orjson.loads(bytes(hit["_secondpass"])) if "_secondpass" in hit else {}
    simple: dict[str, object] = {name: _as_it_is(hit.get(f"_{name}")) for name in ("id", "index", "score")}
    simple["source"] = _without_vector(hit.get("_source"))
    simple["engine_rank"] = ours.get("engine_rank") if ours else rank
    return simple | {"details": ours} if details else simple


def _as_it_is(value: msgspec.Raw | None) -> orjson.Fragment | None:
    """The engine's own bytes: numbers as they were written, and objects of any depth."""
    return None if value is None else orjson.Fragment(bytes(value))


def _without_vector(source: msgspec.Raw | None) -> object:
    """An index that no policy knows the vectors of may still have ours: only numbers under that name are left out."""
    if source is None or FIELD.encode() not in bytes(source):
        return _as_it_is(source)
    members: Any = msgspec.json.decode(source, type=dict[str, msgspec.Raw])
    found = orjson.loads(bytes(members[FIELD])) if FIELD in members else None
    if isinstance(found, list) and found and all(type(number) in (int, float) for number in found):
        return {name: _as_it_is(value) for name, value in members.items() if name != FIELD}
    return _as_it_is(source)
