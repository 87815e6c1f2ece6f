"""The answer to an `_msearch`: one reply a search, and the same answer with others in their places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from connector.dialects.splice import Span, read_spans, splice
from connector.types import Reply

_RESPONSES = "responses"
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class _Status(msgspec.Struct):
    status: int | None = None
    error: msgspec.Raw = msgspec.Raw()


_STATUS = msgspec.json.Decoder(_Status)


@dataclass(frozen=True, slots=True)
class Responses:
    """An answer to `_msearch`: each search's as a reply of its own, and where they stand."""

    reply: Reply
    spans: Mapping[str, Span]
    replies: tuple[Reply, ...]

    def reply_with(self, bodies: Sequence[bytes], took_add_ms: float) -> Reply:
        """The answer with these searches' answers in their places; every other byte is the engine's."""
        body, span = self.reply.body, self.spans[_RESPONSES]
        parts, at = [], span.start
        for old, new in zip(self.replies, bodies, strict=True):
            start = body.index(old.body, at, span.end)  # only white space and commas lie between them
            parts += [body[at:start], new]
            at = start + len(old.body)
        changes: dict[str, bytes | None] = {_RESPONSES: b"".join([*parts, body[at : span.end]])}
        if took_add_ms and "took" in self.spans:
            took = int(body[self.spans["took"].start : self.spans["took"].end])
            changes["took"] = b"%d" % (took + round(took_add_ms))
        return replace(self.reply, body=splice(body, changes, self.spans))


def read_responses(reply: Reply, count: int) -> Responses | None:
    """None where it is not the answer to `count` searches: the engine refused them all."""
    spans = read_spans(reply.body) if reply.status == 200 else None
    if spans is None or _RESPONSES not in spans:
        return None
    span = spans[_RESPONSES]
    try:
        raws = [bytes(raw) for raw in _LIST.decode(reply.body[span.start : span.end])]
        replies = tuple(replace(reply, status=_status(raw), body=raw) for raw in raws)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Responses(reply, spans, replies) if len(replies) == count else None


def _status(raw: bytes) -> int:
    """`filter_path` may hide it."""
    said = _STATUS.decode(raw)
    return said.status or (400 if bytes(said.error) else 200)
