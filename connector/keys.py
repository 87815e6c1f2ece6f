"""Every Redis key of the cache side, and the keyed hash that they are made of.

A reader of the cache server learns neither queries nor texts nor credentials from a key: all are hashed with a secret.
The keys of queues, replies and announcements are in `connector.contract`, which workers share.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

import orjson

from connector.dialects.request import SearchRequest
from connector.settings import Policy, Settings
from connector.types import Call, Headers, Plan

DIGEST_BYTES = 16  # 2^64 texts until two of one query are likely to collide

# What tracing puts on each request anew: W3C, Elastic APM, Zipkin, Datadog, AWS, Google, Sentry, Jaeger, New Relic.
TRACING = frozenset(
    b"traceparent tracestate baggage x-request-id x-correlation-id elastic-apm-traceparent "
    b"b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags "
    b"x-datadog-trace-id x-datadog-parent-id x-datadog-sampling-priority x-datadog-origin x-datadog-tags "
    b"x-amzn-trace-id x-cloud-trace-context sentry-trace uber-trace-id newrelic".split()
)

# Header fields that differ between two pages of one search without changing what its caller may see. Every other
# field is taken for a credential, so that an unknown one separates callers rather than mixing them.
NOT_CREDENTIALS = TRACING | frozenset(
    b"accept accept-encoding accept-language cache-control connection content-length content-type date expect host "
    b"keep-alive priority te transfer-encoding user-agent x-elastic-client-meta x-opaque-id secondpass".split()
)
AS_WRITTEN = re.compile(rb"\d{16}|\d\.?[eE]|\.\d*0\b|-0\b")
"""Numbers that may be written again otherwise, and that an engine may read as text (`prefix`, `query_string`)."""
PAGE = frozenset(("from", "size", "source", "source_content_type"))  # `source` is the body, which is there as `body`


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes keys with one secret; proxies that share a cache share it (`redis.cache_key`)."""

    secret: bytes

    def digest(self, *parts: bytes) -> bytes:
        """16 bytes that stand for `parts`; their lengths take part, so ("ab", "c") is not ("a", "bc")."""
        said = b"".join([b"%d:%b" % (len(part), part) for part in parts])
        return hashlib.blake2b(said, key=self.secret, digest_size=DIGEST_BYTES).digest()

    def texts(self, texts: Iterable[bytes]) -> list[bytes]:
        """The hash fields of texts; 100 texts of 1 KB take 0.2 ms."""
        start = hashlib.blake2b(key=self.secret, digest_size=DIGEST_BYTES)
        digests = []
        for text in texts:
            state = start.copy()
            state.update(text)
            digests.append(state.digest())
        return digests

    def seal(self, search: bytes, value: bytes) -> bytes:
        """`value` as it is kept for a search: nobody without the secret can make one; 10 us for an order of 100."""
        return self.digest(search, value) + value

    def unseal(self, search: bytes, sealed: bytes) -> bytes | None:
        """None where it is not what was sealed for this search."""
        value = sealed[DIGEST_BYTES:]
        return value if compare_digest(sealed[:DIGEST_BYTES], self.digest(search, value)) else None

    def scores(self, fingerprint: str, template: str, rule: str, query: bytes) -> bytes:
        """Hash of the logits of one query under one model, template and rule of reading."""
        model = self.digest(fingerprint.encode(), template.encode(), rule.encode())
        return b"secondpass:scores:" + model.hex().encode() + b":" + self.digest(query).hex().encode()

    def vector(self, fingerprint: str, query: bytes) -> bytes:
        """A query's vector under one embedder."""
        return b"secondpass:vector:" + self.digest(fingerprint.encode(), query).hex().encode()

    def search(self, call: Call, request: SearchRequest, plan: Plan, policy: Policy) -> bytes:
        """A search as such: the same for all its pages and all its callers."""
        parameters = {name: one.value for name, one in request.parameters.items() if name not in PAGE}
        return self.digest(
            call.target.partition(b"?")[0],
            repr(sorted(parameters.items())).encode("utf-8", "backslashreplace"),
            *_body(request),
            repr((plan.text, plan.window, plan.budget_ms, plan.knn)).encode("utf-8", "backslashreplace"),
            policy.model_dump_json().encode(),
        )

    def page(self, search: bytes, headers: Headers) -> bytes:
        """The kept order of one window: the same for all pages of one caller's search, and for no other caller's."""
        digest = self.digest(search, *(part for field in credentials(headers) for part in field))
        return b"secondpass:page:" + digest.hex().encode()


def _body(request: SearchRequest) -> list[bytes]:
    """The body whatever the order of its members and the space between them. Where it may hold a number that would be
    written otherwise, or is too deep to be written again: each member as it was sent.
    """
    try:
        if not AS_WRITTEN.search(request.raw):
            read = {name: value for name, value in request.body.items() if name not in PAGE}
            return [orjson.dumps(read, option=orjson.OPT_SORT_KEYS)]
    except orjson.JSONEncodeError:
        pass
    spans = [(name, request.spans[name]) for name in sorted(request.spans.keys() - PAGE)]
    return [part for name, span in spans for part in (name.encode(), request.raw[span.start : span.end])]


def credentials(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """The fields that may decide what a caller sees: names in lower case, sorted."""
    return tuple(sorted((lower, value) for name, value in headers if (lower := name.lower()) not in NOT_CREDENTIALS))


def state_folder() -> Path:
    """Where secondpass keeps what must outlive it: $SECONDPASS_STATE, else $XDG_STATE_HOME/secondpass."""
    if chosen := os.environ.get("SECONDPASS_STATE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "secondpass"


def cache_secret(settings: Settings) -> bytes:
    """`redis.cache_key`, else the secret of the state folder, made at the first start (mode 0600). Raises OSError."""
    if settings.redis.cache_key:
        return hashlib.blake2b(settings.redis.cache_key.encode(), digest_size=32).digest()
    path = state_folder() / "cache.key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"cache.key.{os.getpid()}")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
    try:
        os.link(draft, path)  # whole or not at all: a process that starts beside us never reads half a secret
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()
