"""What proxy and worker say to each other: task names, Redis keys and payload shapes. Standard library only.

Both sides import this file and nothing else of each other. Times are seconds on the *reply server's* clock (Redis
`TIME`): every beat reads it, so that proxies and workers whose own clocks differ still agree on a deadline.

Tasks are ordinary Celery protocol-2 messages, serialised with msgpack, with one positional argument, the payload:

score   {"task": str, "reply": key, "requests": [{"id": int, "query": str, "deadline": float,
        "chunks": [[number, [text, ...]], ...], "passages": int}, ...]}
embed   {"task": str, "reply": key, "id": int, "kind": "query" | "document", "texts": [text, ...], "deadline": float}

"passages" is how a text longer than the model's window is read: 0 (or absent): as far as it fits; k: as overlapping
passages, of which the mean of the best k (1: the best) is its logit.

Replies are msgpack maps pushed (RPUSH) to the list `reply`, which expires `REPLY_TTL_S` after the last push:

score   {"task": str, "request": int, "chunk": int, "logits": float32 little-endian bytes, NaN where one text failed,
         "spans": uint32 little-endian bytes where passages were asked for: start and end of each text's best passage,
         in characters of that text}
        {"task": str, "request": int, "error": str, "reason": "timeout" | "model"} where a request failed or was dropped
        {"task": str, "done": True, "ms": float} always last
embed   {"task": str, "request": int, "vectors": float32 little-endian bytes, "dims": int, "done": True}
        {"task": str, "request": int, "error": str, "reason": "timeout" | "model", "done": True}
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

SCORE_TASK = "secondpass.score"
EMBED_TASK = "secondpass.embed"
SERIALIZER = "msgpack"

BEAT_S = 1.0  # a worker announces itself this often
LIVE_S = 3.0  # and is taken for dead after three missed beats
REPLIES = "secondpass:reply:"  # what the keys of all lists of replies begin with
REPLY_TTL_S = 60  # a reply list that nobody reads disappears after this

PASSAGES_MOST = 64  # passages of one text: 5,600 tokens at a window of 128, 24,000 at 512; what follows is not read
PASSAGE_OVERLAP = 0.25  # of a passage: a sentence (25 tokens) that one of 128 tokens cuts in two is whole in the next
PASSAGE_RULES = "1"  # raised with every change to how passages are cut or combined: scores are cached under it


@dataclass(frozen=True, slots=True)
class Announcement:
    """A live worker, as it stands (JSON) in the sorted set `workers_key(role, model)`; the member's score is the time
    of its last beat. `queue` is where its tasks go: one queue carries one fingerprint, so a task can never reach a
    worker with other weights, another label or another precision.
    """

    id: str
    role: str  # "score" or "embed"
    model: str  # the name in secondpass.toml; "default" for the embedder
    fingerprint: str  # hex: hash over weights, tokenizer and config files, label, max tokens, runtime class
    queue: str
    runtime: str  # torch, openvino, onnx
    precision: str  # the runtime class: fp32, bf16, fp16, int8, int4
    max_tokens: int
    dims: int = 0  # of an embedder's vectors
    host: str = ""
    pid: int = 0
    started: float = 0.0  # seconds, the reply server's clock: of two fingerprints the one that started last is used
    max_query_chars: int = 0  # the longest query that the model was made for; 0: any
    calibration: Mapping[str, object] | None = None  # as connector.calibration has it; None: no probabilities

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def read_announcement(member: bytes | str) -> Announcement:
    """Keys that this version does not know are left out: workers may be newer than the proxy. Raises ValueError,
    TypeError.
    """
    known = {one.name for one in fields(Announcement)}
    return Announcement(**{name: value for name, value in dict(json.loads(member)).items() if name in known})


def workers_key(role: str, model: str) -> str:
    """Sorted set of announcements: ZADD at each beat, ZRANGEBYSCORE (now - LIVE_S) +inf gives the living."""
    return f"secondpass:workers:{role}:{model}"


def reply_key(process: str) -> str:
    """The one list of replies of a proxy process."""
    return REPLIES + process


def score_queue(model: str, fingerprint: str) -> str:
    return f"secondpass.score.{model}.{fingerprint[:12]}"


def embed_queue(model: str, fingerprint: str, kind: str) -> str:
    """Queries and documents have queues of their own: a worker empties the first before it looks at the second."""
    return f"secondpass.embed.{model}.{fingerprint[:12]}.{kind}"
