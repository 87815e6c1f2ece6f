"""An ordinary Celery worker that honours `connector.contract` with made-up scores; the tests' stand-in for a model.

    python -m tests.stub_worker --broker URL --reply URL [--delay-ms 5] [--fingerprint ab12]

The logit of a text is `score(query, text)`; "poison" in a text gives NaN, "refuse" in a query an error reply.
"""

import argparse
import math
import os
import struct
import threading
import time
import zlib

import msgpack
import orjson
import redis
from celery import Celery
from celery.signals import worker_ready

from connector.contract import (
    BEAT_S,
    EMBED_TASK,
    REPLY_TTL_S,
    SCORE_TASK,
    Announcement,
    embed_queue,
    score_queue,
    workers_key,
)

DIMS = 4


def score(query: str, text: str) -> float:
    """Deterministic, differs by query and text, exact in float32."""
    return math.nan if "poison" in text else (zlib.crc32(f"{query}\n{text}".encode()) % 4096) / 256 - 8


def vector(text: str) -> list[float]:
    return [float(byte) for byte in zlib.crc32(text.encode()).to_bytes(DIMS, "little")]


def announcement(options: argparse.Namespace, started: float) -> Announcement:
    model = options.model if options.role == "score" else "default"
    queue = (
        score_queue(model, options.fingerprint)
        if options.role == "score"
        else embed_queue(model, options.fingerprint, "query")
    )
    return Announcement(
        id=f"stub-{os.getpid()}",
        role=options.role,
        model=model,
        fingerprint=options.fingerprint,
        queue=queue,
        runtime="stub",
        precision="fp32",
        max_tokens=256,
        dims=DIMS,
        pid=os.getpid(),
        started=started,
    )


def make_app(options: argparse.Namespace) -> Celery:
    server = redis.Redis.from_url(options.reply.replace("redis+socket://", "unix://"))
    app = Celery("stub", broker=options.broker)
    app.conf.update(
        accept_content=["msgpack"],
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )

    offset = 0.0

    def now() -> float:
        return time.monotonic() + offset

    def answer(key: str, *replies: dict[str, object]) -> None:
        pipeline = server.pipeline(transaction=False)
        pipeline.rpush(key, *map(msgpack.packb, replies))
        pipeline.expire(key, REPLY_TTL_S)
        pipeline.execute()

    @app.task(name=SCORE_TASK)
    def run_score(payload: dict) -> None:
        began, task = time.monotonic(), payload["task"]
        replies: list[dict[str, object]] = []
        for request in payload["requests"]:
            head = {"task": task, "request": request["id"]}
            if request["deadline"] < now():
                replies.append(head | {"error": "too late", "reason": "timeout"})
                continue
            if "refuse" in request["query"]:
                replies.append(head | {"error": "asked to refuse", "reason": "model"})
                continue
            for number, texts in request["chunks"]:
                if options.delay_ms:
                    time.sleep(options.delay_ms / 1000)
                logits = struct.pack(f"<{len(texts)}f", *(score(request["query"], text) for text in texts))
                spans = struct.pack(f"<{2 * len(texts)}I", *(end for text in texts for end in (0, len(text))))
                more = {"spans": spans} if request.get("passages") else {}
                replies.append(head | {"chunk": number, "logits": logits} | more)
                if options.delay_ms:
                    answer(payload["reply"], *replies)
                    replies = []
        answer(payload["reply"], *replies, {"task": task, "done": True, "ms": (time.monotonic() - began) * 1000})

    @app.task(name=EMBED_TASK)
    def run_embed(payload: dict) -> None:
        time.sleep(options.delay_ms / 1000)
        data = b"".join(struct.pack(f"<{DIMS}f", *vector(text)) for text in payload["texts"])
        head = {"task": payload["task"], "request": payload["id"], "done": True}
        if any("poison" in text for text in payload["texts"]):
            answer(payload["reply"], head | {"error": "poison", "reason": "model"})
        else:
            answer(payload["reply"], head | {"vectors": data, "dims": DIMS})

    def beat() -> None:
        nonlocal offset
        member = None
        while True:
            try:
                seconds, microseconds = server.time()
                offset = seconds + microseconds / 1e6 - time.monotonic()
                if member is None:
                    one = announcement(options, now())
                    member = orjson.dumps(one.as_dict())
                server.zadd(workers_key(one.role, one.model), {member: now()})
            except redis.RedisError:
                pass
            time.sleep(BEAT_S)

    @worker_ready.connect(weak=False)
    def begin(**_: object) -> None:
        threading.Thread(target=beat, daemon=True).start()

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--reply", required=True)
    parser.add_argument("--role", default="score")
    parser.add_argument("--model", default="products-en")
    parser.add_argument("--fingerprint", default="f" * 32)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    queues = announcement(options, 0).queue
    if options.role == "embed":
        queues += "," + embed_queue("default", options.fingerprint, "document")
    make_app(options).worker_main(
        [
            "worker",
            "-P",
            "solo",
            "-Q",
            queues,
            "-l",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
            "-n",
            f"w{os.getpid()}@stub",
        ]
    )


if __name__ == "__main__":
    main()
