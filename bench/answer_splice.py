"""What reading and writing one answer costs: 100 hits of 1 KB, of which 10 are written. CPU milliseconds, best of 30.

python -m bench.answer_splice
"""

import json
import timeit
from collections.abc import Callable
from time import process_time

import orjson

from connector.dialects.answer import read_answer, render_hit, write_answer
from connector.dialects.edit import window_call
from connector.dialects.request import read_request
from connector.plan import plan
from connector.settings import Model, Policy
from connector.types import Call, Controls

POLICY = Policy(name="shop", indices=["products*"], fields=["name", "brand", "description"])
MODEL = Model(name="m", source="bundled:m", languages=["en"])
BODY = b'{"query":{"bool":{"must":[{"match":{"name":"rain jacket"}}],"filter":[{"term":{"stock":true}}]}},"size":10}'
CALL = Call("POST", b"/products/_search", [(b"Content-Type", b"application/json")], BODY)


def sample_answer(hits: int = 100) -> bytes:
    """An engine's answer to a window call: each text is there twice, in `_source` and in `fields`."""
    found = []
    for number in range(hits):
        name = f"Rain jacket number {number} with hood"
        words = "Keeps you dry in any weather and folds into its own pocket. " * 6
        source = {"name": name, "brand": "Nordwand", "description": words, "price": 79.5, "colours": ["red", "blue"]}
        fields = {"name": [name], "brand": ["Nordwand"], "description": [words]}
        found.append({"_index": "products-000001", "_id": str(number), "_score": 9.5 - number / 20, "_source": source})
        found[-1]["fields"] = fields
    head = {"took": 7, "timed_out": False, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}}
    hits_part = {"total": {"value": 1000, "relation": "gte"}, "max_score": 9.5, "hits": found}
    return json.dumps(head | {"hits": hits_part}, separators=(",", ":")).encode()


def measure(what: str, step: Callable[[], object]) -> None:
    best = min(timeit.repeat(step, number=20, repeat=30, timer=process_time)) / 20 * 1000
    print(f"{what:44} {best:6.3f} ms")


def main() -> None:
    body = sample_answer()
    request = read_request(CALL)
    assert request is not None
    planned = plan(request, Controls(), POLICY, MODEL)
    found = read_answer(body)
    assert found is not None
    page = [render_hit(one, planned.added, 1.5) for one in found.candidates[:10]]
    print(f"answer of {len(body)} bytes, {len(found.candidates)} hits")
    measure("read the request", lambda: read_request(CALL))
    measure("plan", lambda: plan(request, Controls(), POLICY, MODEL))
    measure("edit the request", lambda: window_call(CALL, request, planned, 0, 100))
    measure("read the answer", lambda: read_answer(body))
    measure("render 10 hits", lambda: [render_hit(one, planned.added, 1.5) for one in found.candidates[:10]])
    measure("write the answer", lambda: write_answer(body, found, page, 1.5, 12.5))
    measure("for comparison: orjson.loads alone", lambda: orjson.loads(body))
    measure("for comparison: orjson.dumps(loads)", lambda: orjson.dumps(orjson.loads(body)))


if __name__ == "__main__":
    main()
