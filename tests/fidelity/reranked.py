"""What may differ in the answer of a search under a policy: hits, `max_score`, `took` and our own header.

Everything else is compared as bytes: the answer with its hits cut out on both sides. A hit may only move and show
another score; it is looked up in the engine's answer to the same search with all documents on its page.
"""

import json
import re
from dataclasses import replace
from typing import Any

import msgspec

from connector.dialects.splice import read_spans, splice
from tests.fidelity.index import DOCUMENTS
from tests.fidelity.raw import Reply, Way

OURS = b"secondpass-rerank"
LIST = msgspec.json.Decoder(list[msgspec.Raw])
FREE = ("_score", "_explanation")


SEARCHES = re.compile(rb"\r?\n?(?:GET|POST) /INDEX[^/?]*/_m?search(?:/template)?/*(?:\?\S*)? HTTP/")


def is_search(raw: bytes) -> bool:
    """Whether a request is one whose answer must say what became of it: a search of the way's own index."""
    return SEARCHES.match(raw.replace(b"%5F", b"_")) is not None or raw.startswith(
        (b"GET /_msearch", b"POST /_msearch")
    )


def outcome(reply: Reply) -> bytes:
    """`applied` where one search of the request was; else `skipped` and so on; empty where nothing is said."""
    said = reply.get(OURS) or b""
    return b"applied" if b"applied" in said else said.partition(b";")[0]


def is_rewritten(reply: Reply) -> bool:
    """Whether hits may have moved or show scores of ours: also where the documents had nothing for a model to read."""
    said = reply.get(OURS) or b""
    return b"applied" in said or b"failed;reason=no_text" in said


def unsaid(reply: Reply) -> Reply:
    return replace(reply, headers=[field for field in reply.headers if field[0].lower() != OURS])


def hitless(text: bytes) -> bytes:
    """An answer's unpacked body without what may differ."""
    spans = read_spans(text)
    if spans is not None and "responses" in spans:
        place = spans["responses"]
        each = [hitless(bytes(one)) for one in LIST.decode(text[place.start : place.end])]
        return splice(text, {"responses": b"[" + b",".join(each) + b"]"}, spans)
    if spans is None or "hits" not in spans:
        return text
    hits = text[spans["hits"].start : spans["hits"].end]
    inner = read_spans(hits) or {}
    cut = splice(hits, {name: b"0" for name in ("hits", "max_score") if name in inner}, inner)
    return splice(text, {"hits": cut}, spans)


def same_hits(got: bytes, whole: bytes) -> list[str]:
    """What is wrong with the hits of `got`; `whole` is the engine's answer with every document."""
    known = {_key(hit): _bare(hit) for hit in _hits(whole)}
    shown = _hits(got)
    scores = [float(hit["_score"]) for hit in shown if hit.get("_score") is not None]
    found = [f"hit {hit}, straight {known.get(_key(hit))}" for hit in shown if _bare(hit) != known.get(_key(hit))]
    if len({_key(hit) for hit in shown}) != len(shown):
        found.append("a document is shown twice")
    if scores != sorted(scores, reverse=True):
        found.append(f"scores are not in order: {scores}")
    return found


def _hits(body: bytes) -> list[dict[str, Any]]:
    answer = json.loads(body, parse_float=str, parse_int=str)
    return list(answer.get("hits", {}).get("hits", []))


def _key(hit: dict[str, Any]) -> tuple[str, str]:
    return hit["_index"], hit["_id"]


def _bare(hit: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in hit.items() if name not in FREE})


def ask_for_all(way: Way, raw: bytes) -> Reply | None:
    """The same search straight, with every document on its one page; None where that is not easily said."""
    head, _, body = raw.lstrip().partition(b"\r\n\r\n")
    if b"_msearch" in head or b"/template" in head or re.search(rb"\r\n(?:transfer|content)-encoding", head, re.I):
        return None
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"accept-enc"))]
    if body:
        body = json.dumps({**json.loads(body), "from": 0, "size": 2 * DOCUMENTS}).encode()
    else:
        method, target, version = lines[0].split(b" ")
        target += b"%bfrom=0&size=%d" % (b"&" if b"?" in target else b"?", 2 * DOCUMENTS)
        lines[0] = b" ".join((method, target, version))
    return way.send(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body]))
